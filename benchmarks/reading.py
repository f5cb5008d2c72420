"""Compares `matinee.read_ratings` with polars alone: seconds and peak memory, of CSV, ``::`` and Parquet.

    .venv/bin/python benchmarks/reading.py --output docs/benchmarks/reading.md

polars only reads the columns; Matinee also looks for what a parser of numbers would change, encodes the ids
and sorts the ratings by user and item. ``--only netflix`` takes 10 GB of memory and of disk. All answers are
kept in ``.cache/reading.json``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import harness
import numpy as np
import polars as pl
from harness import Contender, markdown_table, median, ratio
from parts import Benchmark, main

CONTENDERS = [
    Contender("Matinee", "matinee_reading.py", ".venv"),
    Contender("polars", "polars_reading.py", ".venv"),
]
FORMATS = {"csv": "commas", "dat": "`::`", "parquet": "Parquet"}
ROWS_PER_BLOCK = 1 << 21


class Reading(Benchmark):
    """The parts of this benchmark."""

    def movielens(self) -> str:
        """Files of nineteen million lines."""
        return self.read(harness.synthetic_20m())

    def netflix(self) -> str:
        """Files of 84 million lines."""
        return self.read(harness.synthetic_netflix(share=0.02 if self.quick else 1.0))

    def read(self, data: Path) -> str:
        """The table of the files of a prepared dataset, which are removed when they have been read."""
        rows, n_lines = [], 0
        for suffix, title in FORMATS.items():
            path = data.with_suffix(f".{suffix}")
            n_lines = write(data, path)
            job = {"task": "read", "path": str(path)}
            answers = self.run(f"{n_lines:,} lines, {title}", CONTENDERS, job, rounds=min(self.rounds, 3))
            rows.append((title, f"{path.stat().st_size / 2**20:,.0f}", *compared(answers)))
            path.unlink()
        header = ["", "MiB", *columns("seconds"), *columns("peak MiB")]
        return f"### Reading {n_lines:,} lines\n\n{markdown_table(header, rows)}"


def columns(what: str) -> list[str]:
    return [f"Matinee, {what}", f"polars, {what}", "times polars'"]


def compared(answers: dict[str, list[dict]]) -> Iterator[object]:
    """Both medians of the seconds and of the memory, each pair with its ratio."""
    for key in ("seconds", "peak_mib"):
        ours, theirs = (median(answers.get(each.name, []), key) for each in CONTENDERS)
        rounding: Callable[[float], object] = round if key == "peak_mib" else float
        yield from (None if value is None else rounding(value) for value in (ours, theirs))
        yield ratio(ours, theirs)


def write(data: Path, path: Path) -> int:
    """Write the ratings of a prepared dataset with random times to a file; returns their number."""
    with np.load(data) as arrays:
        users, items, ratings = (arrays[f"train_{name}"] for name in ("users", "items", "ratings"))
    times = np.random.default_rng(0).integers(900_000_000, 1_600_000_000, size=len(users))
    frame = pl.DataFrame({"userId": users, "movieId": items, "rating": ratings, "timestamp": times})
    frame = frame.with_columns(pl.col("userId", "movieId") + 1)
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    elif path.suffix == ".csv":
        frame.write_csv(path, float_precision=1)
    else:
        with path.open("wb") as file:
            for first in range(0, len(frame), ROWS_PER_BLOCK):
                block = frame[first : first + ROWS_PER_BLOCK]
                # polars writes separators of one byte only.
                line = pl.concat_str([pl.col(name).cast(pl.String) for name in frame.columns], separator="::")
                block.select(line).write_csv(file, include_header=False, quote_style="never")
    return len(frame)


PARTS = {"movielens": Reading.movielens, "netflix": Reading.netflix}


if __name__ == "__main__":
    main("reading", Reading, PARTS, "Reading files of ratings, beside polars alone.")
