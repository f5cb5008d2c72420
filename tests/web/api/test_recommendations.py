"""Recommendations for ratings in the request, for a user of the model, and for the caller."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.site import Site

RECOMMENDATIONS = "/api/v1/recommendations"


@pytest.fixture
def body(items: dict[str, str]) -> dict[str, Any]:
    return {
        "ratings": [{"item": items["Alien"], "rating": 5}, {"item": items["Notting Hill"], "rating": 1}],
        "n": 12,
    }


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
