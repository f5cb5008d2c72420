"""The figures of groups of people: by what is known of them, or by how much they have rated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from matinee.errors import DataError
from matinee.evaluation.per_person import PerPerson, figure_of
from matinee.ratings.columns import whole_frame
from matinee.ratings.frames import check_names, is_frame

THIRDS = ("few", "some", "many")


def by_group(people: PerPerson, groups: Any) -> pl.DataFrame:
    """The frame of `Evaluation.by_group`."""
    labels = _by_ratings(people) if groups is None else _given(people, groups)
    fractions = people.fractions()
    rows = []
    for name, of_person in labels.items():
        for group in THIRDS if groups is None else of_person.drop_nulls().unique().sort():
            chosen = (of_person == group).fill_null(False).to_numpy()
            if not chosen.any():
                continue
            figures = {
                figure: float(figure_of(figure, one.numerators[chosen].sum(), one.denominators[chosen].sum()))
                for figure, one in fractions.items()
            }
            rows.append({"by": name, "group": str(group), "n_users": int(chosen.sum()), **figures})
    return pl.DataFrame(rows, infer_schema_length=None).with_columns(pl.selectors.float().fill_nan(None))


def _by_ratings(people: PerPerson) -> dict[str, pl.Series]:
    """Thirds of the people by the number of ratings that the model knows; people of as many are together."""
    ends = np.quantile(people.n_known, (1 / 3, 2 / 3))
    places = np.searchsorted(ends, people.n_known, side="left")
    return {"ratings known": pl.Series([THIRDS[place] for place in places])}


def _given(people: PerPerson, groups: Any) -> dict[str, pl.Series]:
    if isinstance(groups, Mapping):
        groups = pl.DataFrame({"user": list(groups), "group": list(groups.values())}, strict=False)
    elif not is_frame(groups):
        raise DataError(
            f"groups is of type {type(groups).__name__}; expected a mapping of user to group, or a frame "
            "with the column user"
        )
    frame = whole_frame(groups)
    check_names(["user"], frame.columns)
    names = [name for name in frame.columns if name != "user"]
    if not names:
        raise DataError("groups has no column beside user; expected one for each way to group people")
    if frame["user"].is_duplicated().any():
        twice = frame["user"].filter(frame["user"].is_duplicated())[0]
        raise DataError(f"groups names user {twice!r} twice; expected everybody once")
    rows = people.index.positions(frame["user"])
    place_of = np.full(len(people.index), -1, dtype=np.int64)
    place_of[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
    places = place_of[people.rows]
    if (places < 0).all():
        raise DataError("groups names no user of the test; expected the ids of the ratings")
    picked = pl.Series(places, dtype=pl.Int64).replace(-1, None)
    return {name: frame[name].gather(picked) for name in names}
