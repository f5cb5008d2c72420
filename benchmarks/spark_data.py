"""The data of the benchmark on Spark: Parquet files of codes from 0 and ratings, made once and kept."""

from __future__ import annotations

from pathlib import Path

import harness
import numpy as np
import polars as pl

# Many row groups, so that even a small file can be read by more than one task.
ROWS_PER_GROUP = 1 << 19

# Of the synthetic ratings, so that one movie more stands out: as they are a third rate the most popular one.
SHARE_KEPT = 1 / 20
SHARE_OF_USERS = 1 / 10


def parquet(data: Path, part: str) -> Path:
    """The ratings of one part, "train" or "test", of a prepared data set."""
    path = data.with_name(f"{data.stem}-{part}.spark.parquet")
    if not path.exists():
        write(path, *columns(data, part))
    return path


def columns(data: Path, part: str = "train") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Users, items and ratings of one part of a prepared data set."""
    with np.load(data) as arrays:
        users, items, ratings = (arrays[f"{part}_{name}"] for name in ("users", "items", "ratings"))
    return users, items, ratings


def write(path: Path, users: np.ndarray, items: np.ndarray, ratings: np.ndarray) -> None:
    """Write ratings as Spark reads them, all at once: a file that is there is whole."""
    unfinished = path.with_suffix(".unfinished")
    frame = pl.DataFrame({"user": users, "item": items, "rating": ratings})
    frame.write_parquet(unfinished, compression="snappy", row_group_size=ROWS_PER_GROUP)
    unfinished.replace(path)


def synthetic_split() -> Path:
    """The synthetic ratings with a tenth of them, at random, for testing."""
    path = harness.CACHE / "synthetic-20m-10.npz"
    if not path.exists():
        harness.save(path, *harness.random_split(columns(harness.synthetic_20m()), 0.1, seed=0))
    return path


def synthetic_prefix(millions: int) -> Path:
    """The synthetic ratings of the first users, of so many that they have about that many ratings."""
    path = harness.CACHE / f"synthetic-{millions}m.spark.parquet"
    if not path.exists():
        users, items, ratings = columns(harness.synthetic_20m())
        # They are sorted by user; the one at the border stays whole.
        n = int(np.searchsorted(users, users[millions * 1_000_000], side="right"))
        write(path, users[:n], items[:n], ratings[:n])
    return path


def synthetic_with_a_hit() -> Path:
    """A twentieth of the synthetic ratings, and a movie more that a tenth of all users have rated.

    Without it, the most popular movie is rated by 2 % of them.
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
    """Rows of a Parquet file."""
    return int(pl.scan_parquet(path).select(pl.len()).collect().item())
