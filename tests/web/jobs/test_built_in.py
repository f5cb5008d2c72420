"""The built-in cinema's model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import matinee
from matinee.models.recommender import Recommender
from matinee.web.jobs import built_in
from matinee.web.jobs.held_out import is_held_out


def test_it_is_a_recommender_even_where_an_earlier_version_kept_another_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = matinee.load_dataset("demo")
    ratings = whole.subset(np.flatnonzero(whole.user_positions < 200))
    monkeypatch.setattr(built_in, "load_dataset", lambda _: ratings)
    matinee.ALS(n_factors=1, n_iterations=1).fit(ratings, progress=False).save(
        tmp_path / f"cinema-{matinee.__version__}.safetensors"
    )
    model = matinee.load(built_in.built_in_model(tmp_path))
    assert isinstance(model, Recommender)
    assert len(model.rated_.values) == np.count_nonzero(~is_held_out(ratings))
    assert model.history_[-1].validation_rmse is not None
