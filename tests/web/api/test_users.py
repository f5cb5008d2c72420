"""Recommendations for users of the base ratings: what they have rated is nobody's business."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matinee.web.store import operator_tokens
from matinee.web.store.operator_tokens import Right
from tests.web.site import Site


@pytest.fixture
def open_site(make_site: Callable[..., Site]) -> Site:
    return make_site(base_users=True)


def address(site: Site, position: int = 0) -> str:
    user = site.app.state.services.showing.model.user_index_.id_at(position)
    return f"/api/v1/users/{user}/recommendations"


def rated_by_user(site: Site, position: int = 0) -> set[str]:
    model = site.app.state.services.showing.model
    rated = model.rated_
    columns = rated.columns[rated.indptr[position] : rated.indptr[position + 1]]
    return {str(model.item_index_.id_at(column)) for column in columns}


def drawn_out(site: Site, headers: dict[str, str]) -> set[str]:
    """The ratings of a user that the reasons for films of every genre give away."""
    client, found = site.client(), set()
    genres = client.get("/api/v1/genres").json()
    for genre in genres:
        answer = client.get(address(site), params={"n": 50, "n_reasons": 10, "genre": genre}, headers=headers)
        for one in answer.json().get("recommendations", []):
            found |= {reason["item"] for reason in one["because"]}
    return found


def test_a_stranger_cannot_draw_out_what_a_base_user_has_rated(open_site: Site, quick_site: Site) -> None:
    told = drawn_out(open_site, open_site.operator(Right.USERS))
    assert told and told <= rated_by_user(open_site)
    assert drawn_out(open_site, {}) == set()
    assert drawn_out(quick_site, {}) == set()


def test_the_route_is_off_unless_it_is_turned_on(quick_site: Site) -> None:
    client = quick_site.client()
    assert client.get(address(quick_site)).status_code == 404
    assert client.get(address(quick_site), headers=quick_site.operator(Right.USERS)).status_code == 404
    assert not any("/users/" in path for path in client.get("/api/v1/openapi.json").json()["paths"])


def test_only_a_token_with_the_right_opens_it(open_site: Site) -> None:
    client = open_site.client()
    asked = client.get(address(open_site))
    assert asked.status_code == 401
    assert asked.headers["www-authenticate"].startswith("Bearer")
    accounts = open_site.logged_in().call("POST", "/me/tokens", json={"name": "script"}).json()["token"]
    for secret in (accounts, "matinee_operator_guessed", "é"):
        headers: dict[str, Any] = {"Authorization": f"Bearer {secret}".encode()}
        assert client.get(address(open_site), headers=headers).status_code == 401
    assert client.get(address(open_site), headers=open_site.operator()).status_code == 403
    assert client.get(address(open_site), headers=open_site.operator(Right.USERS)).status_code == 200


def test_an_operators_token_is_no_account(open_site: Site) -> None:
    headers = open_site.operator(Right.USERS)
    assert open_site.client().get("/api/v1/me/ratings", headers=headers).status_code == 401


def test_a_revoked_token_opens_nothing(open_site: Site) -> None:
    with open_site.store.writing() as session:
        secret = operator_tokens.make_token(session, "nightly", {Right.USERS})
    headers = {"Authorization": f"Bearer {secret}"}
    assert open_site.client().get(address(open_site), headers=headers).status_code == 200
    with open_site.store.writing() as session:
        operator_tokens.revoke_token(session, "nightly")
    assert open_site.client().get(address(open_site), headers=headers).status_code == 401


@pytest.mark.parametrize("user", ["nobody", "-1", "0012", "9" * 5000])
def test_who_is_no_base_user_is_not_found(open_site: Site, user: str) -> None:
    headers = open_site.operator(Right.USERS)
    answer = open_site.client().get(f"/api/v1/users/{user}/recommendations", headers=headers)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
