"""Rows dealt out to blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matinee.spark.fitting.layout import MOST_CHUNKS, Layout, balanced_layout, chunk_size_of
from matinee.spark.fitting.planning import LARGEST_BROADCAST, SMALL_SIDE, Size, most_for_driver


def layout_of(n_rows: int, n_blocks: int, costs: np.ndarray | None = None) -> Layout:
    n_chunks = -(-n_rows // chunk_size_of(n_rows))
    return balanced_layout(n_rows, n_blocks, np.ones(n_chunks) if costs is None else costs)


@given(n_rows=st.integers(1, 3 * MOST_CHUNKS), n_blocks=st.integers(1, 9), seed=st.integers(0, 99))
def test_every_row_has_one_place_and_is_found_there(n_rows: int, n_blocks: int, seed: int) -> None:
    n_blocks = min(n_blocks, n_rows)
    n_chunks = -(-n_rows // chunk_size_of(n_rows))
    costs = np.random.default_rng(seed).pareto(1.0, size=n_chunks)
    layout = layout_of(n_rows, n_blocks, costs)
    rows = [layout.rows_of(block) for block in range(n_blocks)]
    assert np.array_equal(np.sort(np.concatenate(rows)), np.arange(n_rows))
    for block, held in enumerate(rows):
        assert (np.diff(held) > 0).all()
        found, places = layout.locate(held)
        assert (found == block).all()
        assert np.array_equal(places, np.arange(len(held)))


def test_a_movie_that_a_tenth_of_all_users_rated_leaves_the_blocks_even() -> None:
    n_movies = 5_000
    costs = 20 + 200 * np.random.default_rng(0).pareto(1.5, size=n_movies)
    # With forty ratings a user, a tenth of the users are a four hundredth of the ratings.
    costs[17] = costs.sum() / 400
    layout = layout_of(n_movies, 16, costs)
    loads = np.bincount(layout.block_of_chunk, weights=costs)
    assert loads.max() <= 1.01 * np.median(loads)


def test_one_row_heavier_than_a_block_has_a_block_to_itself() -> None:
    costs = np.ones(100)
    costs[3] = 1_000
    layout = layout_of(100, 4, costs)
    block, _ = layout.locate(np.array([3]))
    assert layout.rows_of(int(block[0])).tolist() == [3]


def test_blocks_are_a_whole_number_for_each_processor_and_no_more_than_rows() -> None:
    size = Size(n_ratings=20_000_000, n_users=140_000, n_items=27_000, n_factors=64)
    assert size.n_blocks(140_000, 4) == 12
    assert size.n_blocks(5, 4) == 5
    assert Size(1_000_000, 6_000, 4_000, 64).n_blocks(6_000, 2) == 2


def test_a_task_never_holds_more_factors_than_it_may() -> None:
    for n_factors in (1, 64, 512):
        size = Size(10**9, 10**8, 10**6, n_factors)
        ratings = size.n_ratings / size.n_blocks(10**8, 160)
        assert ratings * size.row_bytes <= 2**29


@pytest.mark.parametrize(
    ("n_rows", "n_blocks_of_others", "parallelism", "is_routed"),
    [
        # However few need it, a small side is broadcast.
        (SMALL_SIDE // 256, 1, 1_000, False),
        (LARGEST_BROADCAST // 256 + 1, 1_000, 1, True),
        # Every block needs most of it: sending it once to each processor moves less.
        (10**6, 1_000, 160, False),
        # Nobody needs more than a part: 10 million rows for ratings, 160 million for everybody.
        (10**6, 10, 160, True),
    ],
)
def test_factors_take_the_way_that_moves_less(
    n_rows: int, n_blocks_of_others: int, parallelism: int, is_routed: bool
) -> None:
    size = Size(n_ratings=10**9, n_users=10**8, n_items=n_rows, n_factors=64)
    assert size.is_routed(n_rows, n_blocks_of_others, parallelism) is is_routed


def test_a_small_fit_is_left_to_the_driver() -> None:
    assert most_for_driver(64, n_iterations=15) >= 2_000_000
    assert most_for_driver(64, n_iterations=150) < 900_000
    assert most_for_driver(512, n_iterations=15) < 900_000
    assert most_for_driver(1, n_iterations=1) < 20_000_000
