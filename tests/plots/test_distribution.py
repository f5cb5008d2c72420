"""Bars and histograms against counts made one by one."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import matinee
from matinee import plots
from matinee.ratings import Ratings


def heights(ax) -> list[float]:
    return [bar.get_height() for bar in ax.patches]


def test_a_bar_a_value_with_its_count_and_share(small_ratings: Ratings) -> None:
    counts = Counter(small_ratings.values.tolist())
    ax = plots.rating_distribution(small_ratings)
    assert heights(ax) == [counts[value] for value in sorted(counts)]
    assert [text.get_text() for text in ax.get_xticklabels()] == [f"{value:g}" for value in sorted(counts)]
    shares = [f"{counts[value] / len(small_ratings):.1%}" for value in sorted(counts)]
    assert [text.get_text() for text in ax.texts] == shares
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("rating", "number of ratings")


def test_many_values_are_drawn_in_ranges() -> None:
    values = np.linspace(0, 100, 1001)
    ratings = Ratings.from_arrays(range(1001), [0] * 1001, values)
    ax = plots.rating_distribution(ratings)
    assert len(ax.patches) == 10
    assert sum(heights(ax)) == 1001


@pytest.mark.parametrize(("draw", "column"), [("ratings_per_user", "user"), ("ratings_per_item", "item")])
def test_everybody_is_in_one_bin_by_their_number_of_ratings(
    draw: str, column: str, small_ratings: Ratings
) -> None:
    counts = small_ratings.to_frame()[column].value_counts()["count"].to_list()
    ax = getattr(plots, draw)(small_ratings)
    for bar in ax.patches:
        low, high = bar.get_x(), bar.get_x() + bar.get_width()
        assert bar.get_height() == sum(low < count < high for count in counts)
    assert sum(heights(ax)) == len(counts)
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert ax.lines[0].get_xdata()[0] == np.median(counts)


def test_the_silent_are_counted_in_the_title_and_not_drawn() -> None:
    ratings = Ratings.from_arrays([1, 1, 2], [1, 2, 1], [3, 4, 5], registered_users=[8, 9])
    ax = plots.ratings_per_user(ratings)
    assert sum(heights(ax)) == 2
    assert "4 users, 2 without ratings; from 1 to 2 ratings each" in ax.get_title(loc="left")


def test_only_ratings_have_a_distribution(als: matinee.ALS) -> None:
    for draw in (plots.rating_distribution, plots.ratings_per_user, plots.ratings_per_item):
        with pytest.raises(matinee.DataError, match="expected Ratings, got ALS"):
            draw(als)  # type: ignore[arg-type]
