"""Recommendations for ratings in the request, for a user of the model, and for the caller."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matinee.models.recommender import RecommendedPerson
from matinee.web.cinema.showing import Showing
from matinee.web.store.operator_tokens import Right
from tests.web.site import Site

RECOMMENDATIONS = "/api/v1/recommendations"


def items_of(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one["movie"]["item"] for one in answer.json()["recommendations"]]


@pytest.fixture
def body(items: dict[str, str]) -> dict[str, Any]:
    return {
        "ratings": [{"item": items["Alien"], "rating": 5}, {"item": items["Notting Hill"], "rating": 1}],
        "n": 12,
    }


@pytest.mark.parametrize("blend", [0, 0.5, 1])
def test_a_blend_needs_no_other_model(
    blended_site: Site, blended_showing: Showing, body: dict[str, Any], blend: float
) -> None:
    model, client = blended_showing.model, blended_site.client()
    visitor = model.fold_in({int(one["item"]): one["rating"] for one in body["ratings"]})
    user = model.user_index_.id_at(7)
    known = model.person(user)
    assert isinstance(visitor, RecommendedPerson) and isinstance(known, RecommendedPerson)
    posted = client.post(RECOMMENDATIONS, json={**body, "blend": blend})
    assert items_of(posted) == [str(item) for item, _ in visitor.recommend(12, blend=blend)]
    path = f"/api/v1/users/{user}/recommendations?n=12&blend={blend}"
    asked = client.get(path, headers=blended_site.operator(Right.USERS))
    assert items_of(asked) == [str(item) for item, _ in known.recommend(12, blend=blend)]


@pytest.mark.parametrize("diversity", [0, 0.3, 1])
def test_every_route_takes_a_diversity(
    blended_site: Site, blended_showing: Showing, body: dict[str, Any], diversity: float
) -> None:
    model, client = blended_showing.model, blended_site.client()
    visitor = model.fold_in({int(one["item"]): one["rating"] for one in body["ratings"]})
    expected = [str(one.item) for one in visitor.recommend(12, diversity=diversity)]
    assert items_of(client.post(RECOMMENDATIONS, json={**body, "diversity": diversity})) == expected
    browser = blended_site.browser()
    for one in body["ratings"]:
        browser.post(f"/films/{one['item']}/rating", rating=one["rating"])
    assert items_of(browser.call("GET", f"/me/recommendations?n=12&diversity={diversity}")) == expected
    user = model.user_index_.id_at(7)
    path = f"/api/v1/users/{user}/recommendations?n=12&diversity={diversity}"
    asked = client.get(path, headers=blended_site.operator(Right.USERS))
    assert items_of(asked) == [str(one.item) for one in model.recommend(user, 12, diversity=diversity)]


@pytest.mark.parametrize("diversity", [-0.1, 1.1, "much"])
def test_a_diversity_out_of_its_range_is_an_error(
    blended_site: Site, body: dict[str, Any], diversity: float | str
) -> None:
    client = blended_site.client()
    for answer in (
        client.post(RECOMMENDATIONS, json={**body, "diversity": diversity}),
        blended_site.browser().call("GET", f"/me/recommendations?diversity={diversity}"),
        client.get(
            f"/api/v1/users/1/recommendations?diversity={diversity}",
            headers=blended_site.operator(Right.USERS),
        ),
    ):
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["where"].endswith("diversity")


def test_without_a_blend_the_list_is_by_the_models_own(blended_site: Site, body: dict[str, Any]) -> None:
    client = blended_site.client()
    usual = items_of(client.post(RECOMMENDATIONS, json=body))
    assert usual == items_of(client.post(RECOMMENDATIONS, json={**body, "blend": None}))
    assert usual == items_of(client.post(RECOMMENDATIONS, json={**body, "blend": 0.3}))
    assert usual != items_of(client.post(RECOMMENDATIONS, json={**body, "blend": 1}))


@pytest.mark.parametrize("blend", [-0.1, 1.1, "much"])
def test_a_blend_out_of_its_range_is_an_error(
    blended_site: Site, body: dict[str, Any], blend: float | str
) -> None:
    client = blended_site.client()
    for answer in (
        client.post(RECOMMENDATIONS, json={**body, "blend": blend}),
        client.get(
            f"/api/v1/users/1/recommendations?blend={blend}", headers=blended_site.operator(Right.USERS)
        ),
    ):
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["where"].endswith("blend")


def test_a_model_without_a_blend_says_so(make_site: Callable[..., Site], body: dict[str, Any]) -> None:
    site = make_site(base_users=True)
    client = site.client()
    user = site.app.state.services.showing.model.user_index_.id_at(0)
    for answer in (
        client.post(RECOMMENDATIONS, json={**body, "blend": 0.5}),
        client.post(RECOMMENDATIONS, json={"ratings": [], "blend": 0.5}),
        client.get(f"/api/v1/users/{user}/recommendations?blend=0.5", headers=site.operator(Right.USERS)),
        site.browser().call("GET", "/me/recommendations?blend=0.5"),
    ):
        assert answer.status_code == 422
        assert "of kind ALS, which has no blend; leave out blend" in answer.json()["detail"]


def test_the_expected_stars_come_with_their_interval(
    blended_site: Site, quick_site: Site, body: dict[str, Any]
) -> None:
    found = blended_site.client().post(RECOMMENDATIONS, json=body).json()["recommendations"]
    shown = [one for one in found if one["predicted_rating"] is not None]
    assert shown
    for one in shown:
        assert 0.5 <= one["low"] < one["predicted_rating"] < one["high"] <= 5
        assert one["high"] - one["low"] <= 0.8 * 4.5
    for one in found:
        assert (one["low"] is None) == (one["high"] is None) == (one["predicted_rating"] is None)
    of_als = quick_site.client().post(RECOMMENDATIONS, json=body).json()["recommendations"]
    assert all(0.5 <= one["predicted_rating"] <= 5 and one["low"] is None for one in of_als)


@pytest.mark.parametrize(
    ("asked", "posted", "where"),
    [
        ("genre=Horrer", {"genres": ["Horrer"]}, "genre"),
        ("genre=Horror&genre=comedy", {"genres": ["Horror", "comedy"]}, "genre"),
        ("year_from=1999&year_to=1980", {"year_from": 1999, "year_to": 1980}, "year_to"),
    ],
)
def test_filters_that_no_film_can_pass_are_an_error(
    quick_site: Site, body: dict[str, Any], asked: str, posted: dict[str, Any], where: str
) -> None:
    client = quick_site.client()
    for answer in (
        client.get(f"/api/v1/movies?{asked}"),
        client.post(RECOMMENDATIONS, json={**body, **posted}),
        quick_site.browser().call("GET", f"/me/recommendations?{asked}"),
    ):
        assert answer.status_code == 422, answer.text
        assert where in answer.json()["errors"][0]["where"]
    assert client.get("/api/v1/movies?genre=Horror&year_from=1979&year_to=1979").status_code == 200
