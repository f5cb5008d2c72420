"""One loaded model with its films and statistics: what the server shows until the next model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from matinee.datasets import Movies
from matinee.errors import DataError
from matinee.models import Model, load
from matinee.ratings.ids import Id
from matinee.web.cinema.catalogue import Catalogue
from matinee.web.cinema.films import Film, films_of
from matinee.web.cinema.first_films import FirstFilms, first_films
from matinee.web.cinema.statistics import STARS, RatingStatistics

MOST_STARS = STARS[-1]


@dataclass(frozen=True)
class Showing:
    """A model, its films, and statistics that are counted once.

    Attributes
    ----------
    model : Model
    catalogue : Catalogue
        The films of the list of movies and those of the model.
    statistics : RatingStatistics
    fitted_at : float
        When the fit wrote its file, in Unix seconds.
    """

    model: Model
    catalogue: Catalogue
    statistics: RatingStatistics
    fitted_at: float

    @cached_property
    def film_by_position(self) -> list[Film]:
        """The film at each position of the model."""
        by_position: list[Film | None] = [None] * len(self.model.item_index_)
        for film in self.catalogue.values():
            if film.is_known:
                by_position[film.position] = film
        return [film for film in by_position if film is not None]

    @cached_property
    def popular_positions(self) -> list[int]:
        """All positions of the model, the most rated first."""
        order: list[int] = np.argsort(-self.statistics.n_ratings, kind="stable").tolist()
        return order

    @cached_property
    def first_films(self) -> FirstFilms:
        """Chooses the films to ask a newcomer about."""
        return first_films(self.model, self.statistics)

    def film_of(self, item: Id) -> Film:
        """The film with an id of the model."""
        return self.catalogue[str(item)]

    def warm(self) -> None:
        """Compute now what the first request would otherwise wait for."""
        ids = self.model.item_index_
        assert len(self.film_by_position) == len(ids)
        person = self.model.fold_in({ids.id_at(0): sum(self.model.rating_range_) / 2})
        person.recommend(1)
        person.explain(ids.id_at(0), n=1)
        self.model.similar_items(ids.id_at(0), 1)
        self.first_films.choose(1)
        assert len(self.popular_positions) == len(ids)


def load_showing(path: Path, movies: Movies, *, fitted: Path | None = None) -> Showing:
    """The showing of a model file. Workers share its arrays, because they are mapped from the file.

    Parameters
    ----------
    path : Path
    movies : Movies
    fitted : Path, optional
        The file that the fit wrote, if this one was made from it.

    Raises
    ------
    ModelFileError
        If the file cannot be loaded.
    DataError
        If its ratings are not stars.
    """
    source = fitted or path
    fitted_at = source.stat().st_mtime if source.exists() else 0.0
    model = load(path)
    _require_stars(path, model)
    # One request uses one thread: the workers already spread requests over the processors.
    model.set_params(n_threads=1)
    statistics = RatingStatistics(model)
    films = films_of(movies, model, statistics.n_ratings.tolist())
    showing = Showing(model, Catalogue(films), statistics, fitted_at)
    showing.warm()
    return showing


def _require_stars(path: Path, model: Model) -> None:
    low, high = model.rating_range_
    if model.predicts_ratings and (low < 0 or high > MOST_STARS):
        raise DataError(
            f"{path}: the model's ratings go from {low:g} to {high:g}; expected stars from 0 to "
            f"{MOST_STARS:g}; fit the model to ratings on that scale"
        )
