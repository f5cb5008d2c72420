"""The formats of ratings: how each is called, recognised and read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from matinee.datasets.columnar import ratings_of_arrow, ratings_of_parquet
from matinee.datasets.exports import SITES, Site, ratings_of_export, site_of
from matinee.datasets.files import DataFile
from matinee.datasets.json_files import is_json, ratings_of_json
from matinee.datasets.lastfm import is_lastfm, ratings_of_lastfm
from matinee.datasets.matrix_market import is_matrix_market, ratings_of_matrix
from matinee.datasets.mind import is_mind, ratings_of_mind
from matinee.datasets.netflix import is_netflix, ratings_of_netflix
from matinee.datasets.reading import Reading
from matinee.datasets.steam import is_steam, ratings_of_steam
from matinee.datasets.tables import ratings_of_table
from matinee.errors import DataError
from matinee.ratings import Ratings


class Format(NamedTuple):
    """A format of ratings.

    Attributes
    ----------
    name : str
    is_of : callable
        Whether a file is of this format, by its first bytes.
    read : callable
        The ratings in a file of this format.
    """

    name: str
    is_of: Callable[[DataFile], bool]
    read: Callable[[DataFile, Reading], Ratings]


def _is_of_site(site: Site, file: DataFile) -> bool:
    return site_of(file) is site


# The first that recognises a file reads it; any text may be a table.
FORMATS = (
    Format("parquet", lambda file: file.is_parquet, ratings_of_parquet),
    Format("arrow", lambda file: file.is_arrow, ratings_of_arrow),
    Format("steam", is_steam, ratings_of_steam),
    Format("json", is_json, ratings_of_json),
    Format("matrix-market", is_matrix_market, ratings_of_matrix),
    Format("netflix", is_netflix, ratings_of_netflix),
    Format("lastfm-360k", is_lastfm, ratings_of_lastfm),
    Format("mind", is_mind, ratings_of_mind),
    *(Format(site.name, partial(_is_of_site, site), ratings_of_export) for site in SITES),
    Format("table", lambda file: True, ratings_of_table),
)


def format_of(file: DataFile, name: str | None) -> Format:
    """The format with this name, or the one that recognises the file.

    Raises
    ------
    DataError
        If there is no format of this name.
    """
    found = next(
        (each for each in FORMATS if (each.is_of(file) if name is None else each.name == name)), None
    )
    if found is None:
        listed = ", ".join(repr(each.name) for each in FORMATS)
        raise DataError(f"format={name!r}; expected one of {listed}")
    return found
