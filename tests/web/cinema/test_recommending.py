"""Recommendations, predictions and similar films, held against the model asked directly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import matinee
from matinee.web.cinema.catalogue import Filters
from matinee.web.cinema.recommending import popular, predict, recommend, similar, worth_rating
from matinee.web.cinema.showing import Showing, load_showing


@pytest.fixture
def taste(items: dict[str, str]) -> dict[str, float]:
    return {items["Star Wars"]: 5.0, items["Alien"]: 4.5, items["Notting Hill"]: 1.0}


def test_recommendations_are_those_of_the_model_for_somebody_folded_in(
    showing: Showing, taste: dict[str, float]
) -> None:
    person = showing.model.fold_in({int(item): stars for item, stars in taste.items()})
    expected = person.recommend(15)
    found = recommend(showing, taste, 15)
    assert [one.film.item for one in found] == [str(one.item) for one in expected]
    assert [one.score for one in found] == pytest.approx([one.score for one in expected])
    assert all(one.predicted == pytest.approx(min(one.score or 0, 5.0)) for one in found)


def test_nothing_rated_and_nothing_dismissed_is_recommended(
    showing: Showing, taste: dict[str, float]
) -> None:
    first = [one.film.item for one in recommend(showing, taste, 10)]
    after = [one.film.item for one in recommend(showing, taste, 10, hidden=first[:3])]
    assert after[:7] == first[3:]
    everything = recommend(showing, taste, 100_000, hidden=first[:3])
    assert {one.film.item for one in everything} == set(showing.catalogue) - set(taste) - set(first[:3])


def test_filters_choose_among_the_same_scores(showing: Showing, taste: dict[str, float]) -> None:
    filters = Filters(("Comedy",), 1990, 1999)
    everything = recommend(showing, taste, 100_000)
    expected = [
        one.film.item
        for one in everything
        if "Comedy" in one.film.genres and 1990 <= (one.film.year or 0) <= 1999
    ]
    found = recommend(showing, taste, 8, filters=filters)
    assert [one.film.item for one in found] == expected[:8]
    assert recommend(showing, taste, 8, filters=Filters(("No such genre",))) == []


def test_somebody_without_ratings_sees_what_was_rated_most(showing: Showing) -> None:
    counts = np.bincount(showing.model.rated_.columns)
    found = recommend(showing, {}, 10)
    assert [one.film.n_ratings for one in found] == sorted(counts.tolist(), reverse=True)[:10]
    assert {one.film.item for one in popular(showing, 5, unwanted=[found[0].film.item])} == {
        one.film.item for one in found[1:6]
    }


def test_ratings_of_films_that_the_model_does_not_know_are_passed_over(
    showing: Showing, taste: dict[str, float]
) -> None:
    known = [one.film.item for one in recommend(showing, taste, 10)]
    assert [one.film.item for one in recommend(showing, {**taste, "no film": 5.0}, 10)] == known
    assert recommend(showing, {"no film": 5.0}, 3)[0].score is None


def test_films_worth_rating_are_neither_rated_nor_dismissed_and_differ(
    showing: Showing, taste: dict[str, float], items: dict[str, str]
) -> None:
    first = worth_rating(showing, {}, 8)
    assert len({film.item for film in first}) == 8
    assert len({genre for film in first for genre in film.genres}) >= 8
    hidden = [first[0].item]
    after = worth_rating(showing, {first[1].item: 4.0}, 8, hidden=hidden)
    assert not {film.item for film in after} & {first[0].item, first[1].item}


def test_similar_films_are_those_of_the_model(showing: Showing, items: dict[str, str]) -> None:
    alien = showing.catalogue[items["Alien"]]
    expected = [(str(item), score) for item, score in showing.model.similar_items(int(alien.item), 5)]
    assert [(film.item, score) for film, score in similar(showing, alien, 5)] == expected


def test_a_bayesian_model_says_how_sure_it_is(tmp_path: Path) -> None:
    ratings = matinee.load_dataset("demo")
    chosen = np.flatnonzero(ratings.user_positions < 80)
    model = matinee.BayesianALS(n_factors=2, n_samples=4, n_burn_in=2, random_state=0)
    model.fit(ratings.subset(chosen), progress=False)
    model.save(tmp_path / "bayes.safetensors")
    showing = load_showing(tmp_path / "bayes.safetensors", matinee.load_movies("demo"))
    first, second = list(showing.catalogue.values())[:2]
    found = predict(showing, {first.item: 5.0}, second)
    expected = model.fold_in({int(first.item): 5.0}).predict(int(second.item), interval=0.9)
    assert found is not None
    assert (found.stars, found.low, found.high) == pytest.approx(expected)
    assert recommend(showing, {first.item: 5.0}, 3, n_reasons=1)[0].score is not None
