"""Fits the built-in cinema once and keeps the model, which is served if no other model is given."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock

from matinee import __version__
from matinee.datasets import load_dataset
from matinee.datasets.loading import DEMO
from matinee.models.recommender import Recommender
from matinee.ratings import Ratings
from matinee.web.jobs.held_out import is_held_out


def built_in_model(folder: Path) -> Path:
    """The file of the built-in cinema's model in a folder; fits and saves the model if it is missing."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # The kind is in the name, as an earlier version kept another kind there.
    path = folder / f"cinema-{__version__}-{Recommender.short_name}.safetensors"
    with FileLock(folder / "cinema.lock"):
        if not path.exists():
            ratings: Ratings = load_dataset(DEMO)
            held_out = is_held_out(ratings)
            model = Recommender()
            model.fit(ratings.subset(~held_out), ratings.subset(held_out), progress=False).save(path)
    return path
