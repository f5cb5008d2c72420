"""Ratings from Parquet and Arrow IPC files."""

from __future__ import annotations

import polars as pl

from matinee.datasets.files import ARROW_STREAM_MAGIC, DataFile
from matinee.datasets.names import match_names, shorten
from matinee.datasets.reading import Reading
from matinee.datasets.tables import ratings_of_frame
from matinee.errors import DataError
from matinee.ratings import Ratings

# A panic in polars derives from BaseException, but here it only means that polars cannot read the file.
UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, UnicodeError, ValueError)


def ratings_of_parquet(file: DataFile, reading: Reading) -> Ratings:
    """The ratings in a Parquet file; columns that are not needed stay on disk."""
    try:
        names = pl.scan_parquet(file.source(), glob=False).collect_schema().names()
        places = match_names(names, reading.columns).values()
        frame = pl.read_parquet(file.source(), columns=[names[place] for place in places], glob=False)
    except DataError:
        frame = pl.DataFrame(schema=dict.fromkeys(names, pl.Null))
    except UNREADABLE as error:
        raise file.error(f"the Parquet file is damaged ({shorten(str(error))})") from error
    return ratings_of_frame(file, frame, reading)


def ratings_of_arrow(file: DataFile, reading: Reading) -> Ratings:
    """The ratings in a file or a stream of Arrow IPC, which Feather files of today are too."""
    return ratings_of_frame(file, frame_of_arrow(file), reading)


def frame_of_parquet(file: DataFile) -> pl.DataFrame:
    """All columns of a Parquet file."""
    try:
        return pl.read_parquet(file.source(), glob=False)
    except UNREADABLE as error:
        raise file.error(f"the Parquet file is damaged ({shorten(str(error))})") from error


def frame_of_arrow(file: DataFile) -> pl.DataFrame:
    """All columns of an Arrow IPC file or stream."""
    read = pl.read_ipc_stream if file.head.startswith(ARROW_STREAM_MAGIC) else pl.read_ipc
    try:
        return read(file.content())
    except UNREADABLE as error:
        raise file.error(f"the Arrow file is damaged ({shorten(str(error))})") from error
