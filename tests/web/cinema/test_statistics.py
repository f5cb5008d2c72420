"""Distributions of ratings, held against counting them."""

from __future__ import annotations

import numpy as np
import pytest

import matinee
from matinee.web.cinema.showing import Showing


def test_the_distribution_of_a_film_counts_its_ratings(showing: Showing, items: dict[str, str]) -> None:
    frame = matinee.load_dataset("demo").to_frame()
    stars = frame.filter(frame["item"] == int(items["Alien"]))["rating"].to_list()
    found = showing.statistics.of(showing.catalogue[items["Alien"]].position)
    assert found.counts == tuple(stars.count(half / 2) for half in range(1, 11))
    assert found.mean == pytest.approx(np.mean(stars))
