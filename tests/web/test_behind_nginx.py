"""The site behind a real nginx with the block of the documentation, on a host of its own and below a path."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.components import NGINX_PATH
from tests.web.server_process import HANG_SECONDS, ServerProcess, free_port

pytestmark = [pytest.mark.needs("nginx"), pytest.mark.xdist_group("nginx")]

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "serve.md"
CONFIGURATION = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; {user}
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
{server}
}}
"""


def documented_server(port: int, address: str, root: str) -> str:
    """The server block of the guide, without TLS."""
    found = re.search(r"^    server \{\n.*?^    \}\n", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    assert found
    block = found[0].replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    block = block.replace("location / {", f"location {root}/ {{")
    assert block.count("http://127.0.0.1:8000;") == 1
    return block.replace("http://127.0.0.1:8000;", f"{address};")


class Nginx:
    """An nginx in front of a server."""

    def __init__(self, folder: Path, address: str, root: str) -> None:
        port = free_port()
        self.origin, self.root = f"http://127.0.0.1:{port}", root
        program = shutil.which("nginx", path=NGINX_PATH)
        assert program
        file = folder / "nginx.conf"
        server = documented_server(port, address, root)
        # Started by root, its workers would be somebody who may not enter the folder.
        user = "user root;" if file.parent.owner() == "root" else ""
        file.write_text(CONFIGURATION.format(folder=folder, user=user, server=server))
        self._process = subprocess.Popen([program, "-c", str(file), "-p", str(folder)])
        while self._process.poll() is None:
            try:
                httpx2.get(f"{self.origin}{root}/health", timeout=HANG_SECONDS)
                return
            except httpx2.ConnectError:
                time.sleep(0.05)
        raise AssertionError((folder / "error.log").read_text())

    def browser(self) -> httpx2.Client:
        return httpx2.Client(base_url=self.origin, timeout=HANG_SECONDS)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(HANG_SECONDS)


@pytest.fixture(scope="module", params=["", "/cinema"], ids=["own host", "below a path"])
def nginx(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, demo_model: Path
) -> Iterator[Nginx]:
    folder = tmp_path_factory.mktemp("nginx")
    options = ["--model", demo_model, "--movies", "demo", "--trust-proxy", "127.0.0.1"]
    server = ServerProcess(folder, *options, "--root-path", request.param)
    proxy = Nginx(folder, server.address, request.param)
    yield proxy
    proxy.stop()
    server.kill()


def addresses(html: str) -> set[str]:
    return {found.split("#")[0] for found in re.findall(r' (?:href|src)="([^"]*)"', html)} - {""}


def token(html: str) -> str:
    found = re.search(r'name="csrf_token" value="(\w+)"', html)
    assert found
    return found[1]


def test_every_link_and_static_file_is_found(nginx: Nginx) -> None:
    with nginx.browser() as browser:
        seen: set[str] = set()
        for page in ("/", "/films/1", "/search?q=a", "/ratings", "/login", "/report", "/nothing"):
            seen |= addresses(browser.get(nginx.root + page).text)
        assert len(seen) > 20
        for address in sorted(seen):
            assert address.startswith((f"{nginx.root}/", "?")), address
        sample = [address.replace("&amp;", "&") for address in sorted(seen) if "/films/" not in address]
        for address in sample:
            answer = browser.get(address, follow_redirects=True)
            assert answer.status_code == 200, address


def test_forms_cookies_and_redirects_stay_below_the_path_on_any_port(nginx: Nginx) -> None:
    root = nginx.root
    with nginx.browser() as browser:
        html = browser.get(f"{root}/films/1").text
        form = re.search(r'action="([^"]*/rating)"', html)
        following = re.search(r'name="next" value="([^"]*)"', html)
        assert form and following
        answer = browser.post(
            form[1],
            data={"csrf_token": token(html), "rating": "4", "next": following[1]},
            headers={"Origin": nginx.origin, "Sec-Fetch-Site": "same-origin"},
        )
        assert answer.status_code == 303, answer.text
        assert answer.headers["location"].startswith(f"{root}/films/1")
        assert f"; Path={root or '/'};" in answer.headers["set-cookie"] + ";"
        shown = browser.get(answer.headers["location"])
        assert shown.status_code == 200
        rated = browser.get(f"{root}/api/v1/me/ratings").json()["ratings"]
        assert [one["item"] for one in rated] == ["1"]
        guarded = browser.get(f"{root}/account")
        assert (guarded.status_code, guarded.headers["location"]) == (303, f"{root}/login?next=/account")
        slashed = browser.get(f"{root}/report/")
        assert (slashed.status_code, slashed.headers["location"]) == (307, f"{root}/report")


def test_another_site_is_refused_behind_the_proxy_too(nginx: Nginx) -> None:
    with nginx.browser() as browser:
        html = browser.get(f"{nginx.root}/films/1").text
        fields = {"csrf_token": token(html), "rating": "4"}
        answer = browser.post(
            f"{nginx.root}/films/1/rating", data=fields, headers={"Origin": "http://127.0.0.1"}
        )
        assert answer.status_code == 403


def test_the_document_of_the_api_says_where_it_is(nginx: Nginx) -> None:
    with nginx.browser() as browser:
        document = browser.get(f"{nginx.root}/api/v1/openapi.json").json()
        servers = [server["url"] for server in document.get("servers", [{"url": ""}])]
        assert servers == [nginx.root]
        answer = browser.head(f"{nginx.root}{'/api/v1/movies'}")
        assert answer.status_code == 200 and len(answer.headers["x-request-id"]) == 32
