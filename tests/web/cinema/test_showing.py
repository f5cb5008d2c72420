"""Models that cannot be shown."""

from __future__ import annotations

from pathlib import Path

import pytest

import matinee
from matinee.datasets import Movies
from matinee.errors import DataError
from matinee.web.cinema.showing import load_showing


def test_a_model_of_another_scale_is_refused(tmp_path: Path) -> None:
    ratings = matinee.Ratings.from_arrays([1, 1, 2], [1, 2, 1], [10, 3, 7])
    matinee.ALS(n_factors=1).fit(ratings, progress=False).save(tmp_path / "ten.safetensors")
    with pytest.raises(DataError, match="from 3 to 10; expected stars"):
        load_showing(tmp_path / "ten.safetensors", Movies([]))
