"""Recommendations, predictions and similar films, held against the model asked directly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import matinee
from matinee.errors import DataError
from matinee.models.answers import Recommendation
from matinee.models.recommender import RecommendedPerson, Recommender
from matinee.web.cinema.catalogue import Filters
from matinee.web.cinema.recommending import (
    Prediction,
    popular,
    predict,
    recommend,
    recommend_to_user,
    similar,
    worth_rating,
)
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
    for one in found:
        assert one.predicted is not None and one.predicted.low is None
        assert one.predicted.stars == pytest.approx(min(one.score or 0, 5.0))


def test_beside_a_film_of_a_recommender_stand_the_stars_and_not_the_score(
    blended_showing: Showing, taste: dict[str, float]
) -> None:
    model = blended_showing.model
    assert isinstance(model, Recommender)
    ratings = {int(item): stars for item, stars in taste.items()}
    found = recommend(blended_showing, taste, 12)
    assert [one.film.item for one in found] == [str(item) for item, _ in model.fold_in(ratings).recommend(12)]
    expected = zip(
        *model.stars_model_.fold_in(ratings).predict([int(one.film.item) for one in found], interval=0.9),  # type: ignore[call-arg]
        strict=True,
    )
    assert any(one.predicted is not None for one in found)
    for one, (stars, low, high) in zip(found, expected, strict=True):
        assert (one.predicted is None) == (high - low > 0.8 * 4.5)
        if one.predicted is not None:
            shown = (one.predicted.stars, one.predicted.low, one.predicted.high)
            assert shown == pytest.approx((stars, low, high), rel=1e-4)


def test_a_guess_that_may_be_nearly_anything_is_not_shown(
    blended_showing: Showing, items: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (int(items[title]) for title in ("Alien", "Jaws", "Psycho"))
    ends = {first: (0.5, 4.2), second: (0.9, 4.5), third: None}
    made = [Recommendation(item, 1.0, 3.0, interval) for item, interval in ends.items()]
    monkeypatch.setattr(RecommendedPerson, "recommend", lambda *_, **__: made)
    found = recommend(blended_showing, {items["Aliens"]: 5.0}, 3, n_reasons=0)
    assert [one.predicted for one in found] == [None, Prediction(3.0, 0.9, 4.5), Prediction(3.0)]


def test_a_blend_orders_the_list_and_the_reasons_are_those_of_its_scores(
    blended_showing: Showing, taste: dict[str, float]
) -> None:
    person = blended_showing.model.fold_in({int(item): stars for item, stars in taste.items()})
    assert isinstance(person, RecommendedPerson)
    lists = []
    for blend in (0.0, 0.5, 1.0):
        expected = person.recommend(12, blend=blend)
        found = recommend(blended_showing, taste, 12, blend=blend)
        assert [(one.film.item, one.score) for one in found] == [(str(i), score) for i, score in expected]
        explained = person.explain_all([item for item, _ in expected], n=3, blend=blend)
        for one, parts in zip(found, explained, strict=True):
            of_item = {str(part.item): part.contribution for part in parts.contributions}
            for reason in one.reasons:
                assert reason.contribution == pytest.approx(of_item[reason.film.item])
        assert any(one.reasons for one in found)
        lists.append([one.film.item for one in found])
    assert lists[0] != lists[2]
    assert recommend(blended_showing, taste, 12) == recommend(blended_showing, taste, 12, blend=0.3)


def test_a_model_without_a_blend_says_so(showing: Showing, taste: dict[str, float]) -> None:
    for ratings in (taste, {}):
        with pytest.raises(DataError, match="of kind ALS, which has no blend"):
            recommend(showing, ratings, 3, blend=0.5)
    with pytest.raises(DataError, match="no blend"):
        recommend_to_user(showing, 1, 3, blend=0.5)


def test_a_list_of_more_variety_is_the_models_and_the_longer_begins_with_the_shorter(
    blended_showing: Showing, taste: dict[str, float]
) -> None:
    person = blended_showing.model.fold_in({int(item): stars for item, stars in taste.items()})
    assert isinstance(person, RecommendedPerson)
    for n in (5, 10, 12):
        expected = person.recommend(n, blend=0.5, diversity=0.6)
        found = recommend(blended_showing, taste, n, blend=0.5, diversity=0.6)
        assert [(one.film.item, one.score) for one in found] == [(str(i), score) for i, score in expected]
    longest = [one.film.item for one in recommend(blended_showing, taste, 200, diversity=0.6)]
    assert len(set(longest)) == 200
    for n in (12, 13, 36, 40, 100):
        assert [one.film.item for one in recommend(blended_showing, taste, n, diversity=0.6)] == longest[:n]
    known = blended_showing.model.user_index_.id_at(7)
    of_user = [one.film.item for one in recommend_to_user(blended_showing, known, 10, diversity=0.6)]
    assert of_user == [str(one.item) for one in blended_showing.model.recommend(known, 10, diversity=0.6)]
    # Somebody without ratings sees what is popular, whatever the variety.
    assert recommend(blended_showing, {}, 9, diversity=1.0) == recommend(blended_showing, {}, 9)


def test_a_varied_list_keeps_to_filters_and_has_nothing_rated_or_dismissed(
    blended_showing: Showing, taste: dict[str, float]
) -> None:
    filters = Filters(("Comedy",), 1990, 1999)
    comedies = {one.film.item for one in recommend(blended_showing, taste, 2000, filters=filters)}
    hidden = [one.film.item for one in recommend(blended_showing, taste, 5, filters=filters, diversity=0.6)]
    found = recommend(
        blended_showing, taste, 2000, filters=filters, hidden=[*hidden, "no film", *taste], diversity=0.6
    )
    assert len(hidden) == 5
    assert sorted(one.film.item for one in found) == sorted(comedies - set(hidden))


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
    for one in recommend(showing, {first.item: 5.0}, 3, n_reasons=1):
        stars, low, high = model.fold_in({int(first.item): 5.0}).predict(int(one.film.item), interval=0.9)
        if one.predicted is None:
            assert high - low > 0.8 * 4.5
        else:
            shown = (one.predicted.stars, one.predicted.low, one.predicted.high)
            assert shown == pytest.approx((stars, low, high))


def test_a_recommender_predicts_by_its_star_model(
    blended_showing: Showing, taste: dict[str, float], items: dict[str, str]
) -> None:
    model = blended_showing.model
    assert isinstance(model, Recommender)
    film = blended_showing.catalogue[items["Jaws"]]
    found = predict(blended_showing, taste, film)
    ratings = {int(item): stars for item, stars in taste.items()}
    expected = model.stars_model_.fold_in(ratings).predict(int(film.item), interval=0.9)  # type: ignore[call-arg]
    assert found is not None
    assert (found.stars, found.low, found.high) == pytest.approx(expected, rel=1e-4)
