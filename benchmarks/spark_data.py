"""Makes and keeps the data of the Spark benchmark: Parquet files of ratings, with codes from 0."""

from __future__ import annotations

from pathlib import Path

import harness
import numpy as np
import polars as pl

# So small that even a small file has many row groups, and more than one task can read it.
ROWS_PER_GROUP = 1 << 19

# The share of the synthetic ratings to take, so that one more movie stands out. In all synthetic ratings, a
# third of the users rate the most popular movie.
SHARE_KEPT = 1 / 20
SHARE_OF_USERS = 1 / 10


def parquet(data: Path, part: str) -> Path:
    """The Parquet file of one part, "train" or "test", of a prepared dataset."""
    path = data.with_name(f"{data.stem}-{part}.spark.parquet")
    if not path.exists():
        write(path, *columns(data, part))
    return path


def columns(data: Path, part: str = "train") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The users, items and ratings of one part of a prepared dataset."""
    with np.load(data) as arrays:
        users, items, ratings = (arrays[f"{part}_{name}"] for name in ("users", "items", "ratings"))
    return users, items, ratings


def write(path: Path, users: np.ndarray, items: np.ndarray, ratings: np.ndarray) -> None:
    """Write ratings to a file that Spark can read, atomically, so that an existing file is complete."""
    unfinished = path.with_suffix(".unfinished")
    frame = pl.DataFrame({"user": users, "item": items, "rating": ratings})
    frame.write_parquet(unfinished, compression="snappy", row_group_size=ROWS_PER_GROUP)
    unfinished.replace(path)


def synthetic_split() -> Path:
    """The synthetic ratings, with a random tenth of them for testing."""
    path = harness.CACHE / "synthetic-20m-10.npz"
    if not path.exists():
        harness.save(path, *harness.random_split(columns(harness.synthetic_20m()), 0.1, seed=0))
    return path


def synthetic_prefix(millions: int) -> Path:
    """The synthetic ratings of the first users, about the given number of ratings."""
    path = harness.CACHE / f"synthetic-{millions}m.spark.parquet"
    if not path.exists():
        users, items, ratings = columns(harness.synthetic_20m())
        # The ratings are sorted by user; the user at the border keeps all ratings.
        n = int(np.searchsorted(users, users[millions * 1_000_000], side="right"))
        write(path, users[:n], items[:n], ratings[:n])
    return path


def synthetic_with_a_hit() -> Path:
    """A twentieth of the synthetic ratings, and one more movie that a tenth of all users have rated.

    Without it, 2 % of the users have rated the most popular movie.
    """
    path = harness.CACHE / "synthetic-with-a-hit.spark.parquet"
    if not path.exists():
        users, items, ratings = columns(harness.synthetic_20m())
        random = np.random.default_rng(0)
        kept = random.random(len(users)) < SHARE_KEPT
        n_users = int(users[-1]) + 1
        fans = random.choice(n_users, size=round(SHARE_OF_USERS * n_users), replace=False)
        hit = np.full(len(fans), items.max() + 1)
        parts = (users[kept], fans), (items[kept], hit), (ratings[kept], random.integers(1, 6, len(fans)))
        users, items, ratings = (
            np.concatenate(both).astype(kind)
            for both, kind in zip(parts, (np.int32, np.int32, np.float32), strict=True)
        )
        write(path, users, items, ratings)
    return path


def n_ratings(path: Path) -> int:
    """The number of rows of a Parquet file."""
    return int(pl.scan_parquet(path).select(pl.len()).collect().item())
