"""A client that openapi-python-client makes from the API's document."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.web.site import Site

NAMES = {
    "movies": {"search_movies", "one_movie", "similar_movies", "list_genres"},
    "recommendations": {"recommend_for_ratings"},
    "users": {"recommend_for_user"},
    "me": {"who_am_i", "list_ratings", "one_rating", "set_rating", "delete_rating", "dismiss", "undismiss"},
    "tokens": {"list_tokens", "make_token", "revoke_token"},
    "events": {"list_events"},
    "operations": {"health", "ready"},
}


@pytest.fixture
def open_site(make_site: Callable[..., Site]) -> Site:
    return make_site(base_users=True)


def test_its_functions_have_plain_names_and_work(
    open_site: Site, items: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "openapi.json").write_text(open_site.client().get("/api/v1/openapi.json").text)
    (tmp_path / "config.yml").write_text(
        json.dumps(
            {
                "post_hooks": [],
                "package_name_override": "generated_client",
                # It knows no JSON lines; read as text, they are given as they are.
                "content_type_overrides": {"application/x-ndjson": "text/plain"},
            }
        )
    )
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", "openapi.json"]
    options = ["--config", "config.yml", "--output-path", "client", "--fail-on-warning"]
    done = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / "client" / "generated_client" / "api"
    made = {
        each.name: {file.stem for file in each.glob("[!_]*.py")} for each in folder.iterdir() if each.is_dir()
    }
    for tag, names in NAMES.items():
        assert names <= made[tag]

    monkeypatch.syspath_prepend(tmp_path / "client")
    generated: Any = importlib.import_module("generated_client")
    search: Any = importlib.import_module("generated_client.api.movies.search_movies")

    client = generated.Client(base_url="http://testserver").set_httpx_client(open_site.client())
    found = search.sync(client=client, q="alien")
    assert items["Alien"] in [movie.item for movie in found.movies]
