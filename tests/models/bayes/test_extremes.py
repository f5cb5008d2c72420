"""Explanations by samples whose factors are far larger than anything a chain draws."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from matinee.models import BayesianALS, load

from ...conftest import random_ratings


@pytest.mark.parametrize("size", [1e10, 1e19, 3e38])
def test_factors_beside_which_the_prior_is_lost_are_explained(tmp_path: Path, size: float) -> None:
    model = BayesianALS(n_factors=3, n_samples=3, n_burn_in=0, n_kept=2).fit(random_ratings())
    model.save(tmp_path / "model")
    arrays = load_file(tmp_path / "model")
    # All items point the same way, so that the products of their factors have rank 1.
    arrays["item_samples"] = np.full_like(arrays["item_samples"], size)
    data = (tmp_path / "model").read_bytes()
    metadata = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    save_file(arrays, tmp_path / "large", metadata=metadata)
    user, item = model.user_index_.id_at(0), model.item_index_.id_at(0)
    explained = load(tmp_path / "large").explain(user, item, n=50)
    assert len(explained.contributions) == model.rated_.counts[0]
    parts = [each.contribution for each in explained.contributions]
    assert np.isfinite(parts).all()
    assert explained.score == pytest.approx(explained.baseline + sum(parts) + explained.rest)
