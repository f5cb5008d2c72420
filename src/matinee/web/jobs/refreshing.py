"""Lets the served model learn from visitors' ratings between two fits: new people, new films, other stars.

Each refresh starts from the fitted model and never from the last refresh. So a rating that is taken back, or
erased with an account, leaves no trace, and nothing adds up over many refreshes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.models import Model, load
from matinee.ratings import Ratings
from matinee.ratings.ids import IdIndex
from matinee.web.cinema.model_files import fitted_file, forget_refreshed
from matinee.web.jobs.visitors_ratings import VisitorsRatings, item_id, visitors_ratings
from matinee.web.store.engine import Store
from matinee.web.store.visitor_ids import visitor_user


@dataclass(frozen=True)
class Refresh:
    """What a refresh has made.

    Attributes
    ----------
    n_ratings : int
        Visitors' ratings that the fitted model does not have, or has with other stars.
    n_films : int
        Films that the fitted model does not know.
    """

    n_ratings: int
    n_films: int


def refresh(store: Store, path: Path, folder: Path) -> Refresh:
    """Make a model in a folder that has also learned from the visitors' ratings since the fit.

    The file is written in one step. Refreshed models of other fits are removed.

    Parameters
    ----------
    store : Store
        With the visitors' ratings.
    path : Path
        The fitted model, which stays as it is.
    folder : Path
        Of the refreshed models alone. It is made if it is missing, and only its owner may look into it, as
        the model holds what visitors have rated.

    Raises
    ------
    DataError
        If the model cannot learn from the ratings.
    ModelFileError
        If the file is not a model.
    """
    # Before it is read: if it is replaced meanwhile, nobody takes the refreshed model for one of the new fit.
    fitted = fitted_file(path)
    model = load(path)
    # Requests come first.
    model.set_params(n_threads=1)
    news = news_for(model, visitors_ratings(store))
    if news is None or fitted is None:
        forget_refreshed(folder)
        return Refresh(0, 0)
    n_known = len(model.item_index_)
    model.partial_fit(news)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = fitted.refreshed_in(folder)
    model.save(made)
    forget_refreshed(folder, kept=made)
    return Refresh(len(news), len(model.item_index_) - n_known)


def news_for(model: Model, found: VisitorsRatings) -> Ratings | None:
    """The visitors' ratings that a model does not have as they are; None if there are none.

    Ratings of items whose ids cannot be the model's are left out.
    """
    # The database stores items as text. A model with integer ids cannot have an item that is not an integer.
    strings_of_items = model.item_index_.holds_strings
    ids = [item_id(name, strings=strings_of_items) for name in found.names]
    found = found.keep(np.array([item is not None for item in ids], dtype=bool)[found.items])
    if len(found) == 0:
        return None
    numbers, own = np.unique(found.visitors, return_inverse=True)
    strings = model.user_index_.holds_strings
    visitors = [visitor_user(number, strings=strings) for number in numbers.tolist()]
    users, items = (
        _positions(model.user_index_, visitors)[own],
        _positions(model.item_index_, ids)[found.items],
    )
    is_news = ~_has(model, users, items, found.ratings)
    if not is_news.any():
        return None
    named = np.array([item or ("" if strings_of_items else 0) for item in ids])
    return Ratings.from_arrays(
        np.array(visitors)[own[is_news]], named[found.items[is_news]], found.ratings[is_news]
    )


def _positions(index: IdIndex, ids: list[Any]) -> NDArray[np.int64]:
    """The positions of ids; −1 where one is unknown, or None."""
    return np.array([-1 if each is None else index.position(each) for each in ids], dtype=np.int64)


def _has(
    model: Model, users: NDArray[np.int64], items: NDArray[np.int64], ratings: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Which of some ratings, by the positions of their users and items, the model has with these values."""
    known = np.unique(users[users >= 0])
    rated = model.rated_.pick(known)
    n_items = len(model.item_index_)
    # Ascending, as the items of each user do.
    cells = np.repeat(np.arange(len(known)), rated.counts) * n_items + rated.columns
    asked = np.where((users >= 0) & (items >= 0), np.searchsorted(known, users) * n_items + items, -1)
    places = np.searchsorted(cells, asked)
    is_there = np.zeros(len(asked), dtype=bool)
    inside = places < len(cells)
    is_there[inside] = (cells[places[inside]] == asked[inside]) & (
        rated.values[places[inside]] == ratings[inside]
    )
    return is_there
