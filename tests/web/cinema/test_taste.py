"""What somebody's taste is said to be, held against sums by hand and the scores of the model."""

from __future__ import annotations

import numpy as np
import pytest

from matinee.web.cinema.kinds import factors_of
from matinee.web.cinema.showing import Showing
from matinee.web.cinema.taste import decade_of, factor_ends, genres_of, leanings

RATED = {"Alien": 5.0, "Aliens": 4.5, "Blade Runner": 5.0, "Notting Hill": 1.0, "Sleepless in Seattle": 1.5}


@pytest.fixture
def ratings(items: dict[str, str]) -> dict[str, float]:
    return {items[title]: stars for title, stars in RATED.items()}


def test_a_leaning_is_the_difference_to_others_less_ones_own_severity(
    showing: Showing, ratings: dict[str, float]
) -> None:
    _, columns, values = showing.model.rated_[:3]
    means = {
        item: values[columns == showing.catalogue[item].position].mean(dtype=np.float64) for item in ratings
    }
    differences = {item: stars - means[item] for item, stars in ratings.items()}
    severity = sum(differences.values()) / len(differences)
    found = {one.name: one for one in leanings(showing, ratings, genres_of)}
    for genre in ("Romance", "Sci-Fi"):
        films = [item for item in ratings if genre in showing.catalogue[item].genres]
        assert found[genre].n_films == len(films) >= 2
        assert found[genre].mean == pytest.approx(np.mean([ratings[item] for item in films]))
        expected = np.mean([differences[item] for item in films]) - severity
        assert found[genre].difference == pytest.approx(expected, abs=1e-5)
    order = [one.difference for one in leanings(showing, ratings, genres_of)]
    assert order == sorted(order, reverse=True)
    assert found["Sci-Fi"].difference > 0 > found["Romance"].difference


def test_a_group_of_one_film_and_a_film_without_ratings_say_nothing(
    showing: Showing, items: dict[str, str]
) -> None:
    assert leanings(showing, {items["Alien"]: 5.0, "no such film": 1.0}, genres_of) == []
    assert leanings(showing, {}, decade_of) == []
    decades = leanings(showing, {items["Alien"]: 5.0, items["Star Wars"]: 1.0}, decade_of)
    assert [(one.name, one.n_films, one.mean, round(one.difference, 6)) for one in decades] == [
        ("1970s", 2, 3.0, 0.0)
    ]


@pytest.mark.parametrize("kind", ["showing", "blended_showing"])
def test_factors_are_the_directions_in_which_scores_differ_most(
    request: pytest.FixtureRequest, kind: str, ratings: dict[str, float]
) -> None:
    shown: Showing = request.getfixturevalue(kind)
    model = factors_of(shown.model)
    assert model is not None
    users = model.user_factors_.astype(np.float64)
    items = model.item_factors_.astype(np.float64)
    # The scores themselves, without the mean of each film and of each viewer.
    scores = (users - users.mean(axis=0)) @ (items - items.mean(axis=0)).T
    _, vectors = np.linalg.eigh(scores.T @ scores)
    rows = vectors.T[::-1]
    popular = np.array(shown.popular_positions[:300])
    found = factor_ends(shown, ratings)
    assert len(found) == 4
    for one, row in zip(found, rows, strict=False):
        order = popular[np.argsort(row[popular], kind="stable")]
        ends = [
            {shown.film_by_position[position].title for position in end} for end in (order[:4], order[-4:])
        ]
        named = [{film.title for film in end} for end in (one.low, one.high)]
        assert named in (ends, ends[::-1])
        assert 0 <= one.place <= 1


def test_who_has_rated_nothing_has_no_place(showing: Showing) -> None:
    assert factor_ends(showing, {}) == []
