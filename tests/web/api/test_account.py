"""An account's tokens."""

from __future__ import annotations

from matinee.web.store.tables import (
    TokenRow,
)
from tests.web.site import Site


def test_the_token_of_one_account_is_of_no_use_for_another(site: Site, items: dict[str, str]) -> None:
    alien = items["Alien"]
    ada, bob = site.browser(), site.browser()
    for browser, name in ((ada, "Ada"), (bob, "Bob")):
        browser.register(name)
        browser.log_in(name)
    made = ada.call("POST", "/me/tokens", json={"name": "script"}).json()
    program = site.client()
    headers = {"Authorization": f"Bearer {made['token']}"}
    put = program.put(f"/api/v1/me/ratings/{alien}", json={"rating": 4.5}, headers=headers)
    assert put.status_code == 200
    assert ada.ratings() == {alien: 4.5}
    assert bob.ratings() == {}
    # With somebody's cookie beside it, the token alone says who it is.
    both = bob.client.get("/api/v1/me", headers=headers).json()
    assert both["name"] == "Ada"
    assert bob.call("DELETE", f"/me/tokens/{made['id']}").status_code == 404
    assert program.get("/api/v1/me", headers=headers).status_code == 200
    assert ada.call("DELETE", f"/me/tokens/{made['id']}").status_code == 204
    assert program.get("/api/v1/me", headers=headers).status_code == 401


def test_a_token_makes_no_tokens(site: Site) -> None:
    ada = site.browser()
    ada.register("Ada")
    ada.log_in("Ada")
    made = ada.call("POST", "/me/tokens", json={"name": "script"}).json()
    headers = {"Authorization": f"Bearer {made['token']}"}
    answer = site.client().post("/api/v1/me/tokens", json={"name": "another"}, headers=headers)
    assert answer.status_code == 403
    assert site.count(TokenRow) == 1


def test_an_account_has_twenty_tokens_at_most(quick_site: Site) -> None:
    ada = quick_site.logged_in("Ada")
    made = [ada.call("POST", "/me/tokens", json={"name": f"script {n}"}) for n in range(21)]
    assert [each.status_code for each in made] == [201] * 20 + [422]
    assert "you already have 20 tokens; revoke one first" in made[-1].text
    assert quick_site.logged_in("Bob").call("POST", "/me/tokens", json={"name": "script"}).status_code == 201
    assert ada.call("DELETE", f"/me/tokens/{made[0].json()['id']}").status_code == 204
    assert ada.call("POST", "/me/tokens", json={"name": "script 21"}).status_code == 201
    assert quick_site.count(TokenRow) == 21
