"""The page of a film."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import matinee
from matinee.web.cinema.reasons import Reason
from matinee.web.cinema.recommending import Prediction
from tests.web.site import Site


def test_the_table_of_a_film_counts_its_ratings(quick_site: Site, items: dict[str, str]) -> None:
    html = quick_site.client().get(f"/films/{items['Alien']}").text
    table = dict(re.findall(r'<th scope="row">([^<]*)</th><td class="number">([\d,]*)</td>', html))
    ratings = matinee.load_dataset("demo").to_frame()
    own = ratings.filter(ratings["item"] == int(items["Alien"]))["rating"].to_numpy()
    names = ["half a star", "1 star", "1½ stars", "2 stars", "2½ stars", "3 stars", "3½ stars", "4 stars"]
    for name, stars in zip([*names, "4½ stars", "5 stars"], np.arange(0.5, 5.5, 0.5), strict=True):
        assert int(table[name].replace(",", "")) == (own == stars).sum()
    assert f"{own.mean():.1f} stars on average" in html


def test_an_interval_is_shown_if_the_model_gives_one(
    quick_site: Site, items: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def predict(_: Any, ratings: Any, __: Any) -> Prediction:
        asked.append(ratings)
        return Prediction(3.52, 2.14, 4.87)

    monkeypatch.setattr("matinee.web.pages.films.predict", predict)
    browser = quick_site.browser()
    for title, stars in (("Alien", "1"), ("Jaws", "4")):
        browser.post(f"/films/{items[title]}/rating", rating=stars)
    html = browser.get(f"/films/{items['Alien']}").text
    assert "3.5 stars</strong>; in 9 of 10 cases between 2.1 and 4.9" in html
    # Their own rating of the film is not what the guess is made from.
    assert asked == [{items["Jaws"]: 4.0}]


def test_a_guess_that_may_be_nearly_anything_is_not_shown(
    quick_site: Site, items: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = quick_site.browser()
    browser.post(f"/films/{items['Jaws']}/rating", rating="4")
    for low, is_shown in ((0.9, True), (0.8, False)):
        unsure = Prediction(3.5, low, 4.5)
        monkeypatch.setattr("matinee.web.pages.films.predict", lambda *_, unsure=unsure: unsure)
        html = browser.get(f"/films/{items['Alien']}").text
        assert ("3.5 stars</strong>" in html) == is_shown
        assert ("We are not sure enough to guess." in html) != is_shown


def test_a_dislike_is_worded_as_one_and_is_never_what_a_film_is_suggested_because_of(
    quick_site: Site, items: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, hill = quick_site.browser(), items["Notting Hill"]
    browser.post(f"/films/{hill}/rating", rating="1")
    paths = ["/", *(f"/films/{item}" for item in list(items.values())[:20])]
    pages = [browser.get(path).text for path in paths]
    assert not any("Because you rated" in page or "films that you like" in page for page in pages)
    reason = Reason(quick_site.app.state.services.showing.catalogue[hill], 1.0, 0.3, is_liked=False)
    monkeypatch.setattr("matinee.web.pages.films.reasons_for", lambda *_: [[reason]])
    html = browser.get(f"/films/{items['Psycho']}").text
    assert f'You did not care for <a href="/films/{hill}">Notting Hill</a>; this is far from it.' in html
    assert "Because you rated" not in html
