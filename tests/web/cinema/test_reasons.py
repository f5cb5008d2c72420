"""Reasons that read right: a film is recommended because of what was liked, and never despite a reason."""

from __future__ import annotations

import numpy as np
import pytest

from matinee.models.answers import Contribution, Explanation
from matinee.models.person import Person
from matinee.web.cinema.reasons import Taste, reasons_for
from matinee.web.cinema.showing import Showing


class Told(Person):
    """Somebody with these ratings, each of which adds so much to the score of every film."""

    def __init__(self, ratings: dict[int, float], contributions: dict[int, float]) -> None:
        self.ratings, self.contributions = ratings, contributions

    @property
    def rated(self) -> dict[int | str, float]:
        return dict(self.ratings)

    def explain_all(self, items: object, *, n: int = 5) -> list[Explanation]:
        parts = [Contribution(item, self.ratings[item], much) for item, much in self.contributions.items()]
        return [Explanation(0.0, 0.0, parts, 0.0)]


def test_the_reasons_are_the_liked_films_that_add_most(showing: Showing, items: dict[str, str]) -> None:
    liked, best, disliked, against = (
        int(items[title]) for title in ("Alien", "Star Wars", "Notting Hill", "Psycho")
    )
    ratings = {liked: 4.0, best: 5.0, disliked: 1.0, against: 5.0}
    person = Told(ratings, {liked: 0.2, best: 0.5, disliked: 0.9, against: -2.0})
    (found,) = reasons_for(showing, person, [int(items["Aliens"])], 3)
    assert [(one.film.title, one.stars, one.contribution, one.is_liked) for one in found] == [
        ("Star Wars", 5.0, 0.5, True),
        ("Alien", 4.0, 0.2, True),
    ]
    (found,) = reasons_for(showing, person, [int(items["Aliens"])], 1)
    assert [one.film.title for one in found] == ["Star Wars"]
    assert reasons_for(showing, person, [int(items["Aliens"])], 0) == [[]]


def test_a_dislike_is_a_reason_only_for_a_film_that_is_unlike_it(
    showing: Showing, items: dict[str, str]
) -> None:
    model = showing.model
    hill, other = int(items["Notting Hill"]), int(items["Psycho"])
    products = model.item_factors_ @ model.item_factors_[model.item_positions([hill])[0]]
    far, near = model.item_index_.ids[[np.argmin(products), np.argsort(-products)[1]]].tolist()
    assert products.min() < 0
    person = Told({hill: 1.0, other: 5.0}, {hill: 0.4, other: -0.1})
    (found,) = reasons_for(showing, person, [far], 2)
    assert [(one.film.title, one.is_liked) for one in found] == [("Notting Hill", False)]
    assert reasons_for(showing, person, [near], 2) == [[]]
    # What was liked is the better reason, even if it adds less.
    (found,) = reasons_for(showing, Told({hill: 1.0, other: 5.0}, {hill: 0.4, other: 0.1}), [far], 2)
    assert [one.film.title for one in found] == ["Psycho"]


@pytest.mark.parametrize(
    ("ratings", "liked", "disliked"),
    [
        ([5.0, 4.0, 3.0, 2.5, 1.0], [5.0, 4.0, 3.0], [1.0]),
        ([5.0, 5.0, 3.0], [5.0, 5.0, 3.0], []),
        ([2.5, 1.0], [2.5], [1.0]),
        # To somebody who likes nothing, nothing is recommended because of a film.
        ([1.0, 1.0, 2.0], [], [1.0, 2.0]),
    ],
)
def test_what_was_liked_is_at_least_the_mean_or_three_stars_and_never_two(
    ratings: list[float], liked: list[float], disliked: list[float]
) -> None:
    taste = Taste.of(ratings, 5.0)
    assert [one for one in ratings if taste.likes(one)] == liked
    assert sorted({one for one in ratings if taste.dislikes(one)}) == disliked


def test_whoever_is_asked_no_reason_lowers_the_score_or_was_disliked_and_called_liked(
    showing: Showing, blended_showing: Showing
) -> None:
    generator = np.random.default_rng(3)
    kinds = set()
    for shown in (showing, blended_showing):
        model = shown.model
        for stars in [[1.0, 2.0, 4.0, 5.0], [1.0, 2.0]] * 10:
            rated = generator.choice(model.item_index_.ids, 6, replace=False).tolist()
            ratings = dict(zip(rated, generator.choice(stars, 6).tolist(), strict=True))
            person = model.fold_in(ratings)
            items = [one.item for one in person.recommend(12)]
            explained = person.explain_all(items, n=6)
            for reasons, parts in zip(reasons_for(shown, person, items, 2), explained, strict=True):
                known = {str(part.item): part.contribution for part in parts.contributions}
                for one in reasons:
                    assert one.contribution == pytest.approx(known[one.film.item]) and one.contribution > 0
                    assert one.stars == ratings[int(one.film.item)]
                    assert one.is_liked == (one.stars > 2)
                    kinds.add(one.is_liked)
                if not any(one.is_liked for one in reasons):
                    raising = [item for item, much in known.items() if much > 0]
                    assert all(ratings[int(item)] <= 2 for item in raising)
    assert kinds == {True, False}
