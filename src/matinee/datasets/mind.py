"""The clicks of MIND, Microsoft's dataset of news: ``behaviors.tsv``."""

from __future__ import annotations

import re

import polars as pl

from matinee.datasets.files import DataFile
from matinee.datasets.reading import Reading
from matinee.datasets.tabbed import first_fault, tabbed_lines
from matinee.datasets.tables import ratings_of_frame
from matinee.ratings import Ratings

HEAD = re.compile(rb"\d+\t\S+\t\d+/\d+/\d{4} \d+:\d+:\d+ [AP]M\t[^\t\n]*\t")
FIELDS = ("number", "user", "time", "history", "impressions")
TIME = "%m/%d/%Y %I:%M:%S %p"
LIKE_A_TIME = re.compile(r"\d+/\d+/\d{4} \d+:\d+:\d+ [AP]M")
CLICKED = "-1"


def is_mind(file: DataFile) -> bool:
    """Whether a file begins with a line of ``behaviors.tsv``."""
    return HEAD.match(file.head) is not None


def ratings_of_mind(file: DataFile, reading: Reading) -> Ratings:
    """The clicks, each of which counts 1: those on impressions, and those from before, of unknown time.

    News that somebody was shown and did not click are left out.
    """
    lines = tabbed_lines(file, FIELDS)
    times = lines["time"].str.to_datetime(TIME, strict=False)
    if times.null_count() or (lines["user"] == "").any():
        raise first_fault(file, FIELDS, lambda fields: fields[1] and LIKE_A_TIME.fullmatch(fields[2]))
    shown = lines.select("user", item=pl.col("impressions").str.split(" "), timestamp=times.dt.epoch("s"))
    clicks = shown.explode("item").filter(pl.col("item").str.ends_with(CLICKED))
    clicks = clicks.with_columns(pl.col("item").str.strip_suffix(CLICKED))
    # The history of a user is repeated with every impression.
    before = lines.select("user", item=pl.col("history").str.split(" ")).unique("user", maintain_order=True)
    before = before.explode("item").filter(pl.col("item") != "").unique(maintain_order=True)
    before = before.join(clicks, on=["user", "item"], how="anti", maintain_order="left")
    frame = pl.concat([before.with_columns(timestamp=pl.lit(None, dtype=pl.Int64)), clicks])
    columns = {"user": "user", "item": "item", "rating": None, "timestamp": "timestamp"}
    return ratings_of_frame(file, frame, Reading(columns, None, reading.timestamps, reading.duplicates))
