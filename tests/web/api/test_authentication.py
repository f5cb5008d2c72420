"""Tokens and cookies of callers of the API."""

from __future__ import annotations

import pytest

from tests.web.site import Site


def test_a_caller_without_token_or_cookie_is_told_what_is_expected(quick_site: Site) -> None:
    answer = quick_site.client().get("/api/v1/me/ratings")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("given", ["Bearer nothing", "Basic YTpi", "Bearer", "matinee_x", "Bearer é"])
def test_a_token_that_is_none_is_refused_even_beside_a_cookie(quick_site: Site, given: str) -> None:
    browser = quick_site.logged_in()
    answer = browser.get("/api/v1/me", headers={"Authorization": given.encode()})
    assert answer.status_code == 401
