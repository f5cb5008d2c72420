"""Films with the text of their ids, as addresses and the database use it, and their number of ratings."""

from __future__ import annotations

from dataclasses import dataclass

from matinee.datasets import Movie, Movies
from matinee.models import Model
from matinee.ratings.ids import Id


@dataclass(frozen=True, slots=True)
class Film:
    """A film that can be looked up.

    Attributes
    ----------
    item : str
        The text of its id, as addresses and the database use it.
    title : str
    year : int or None
    genres : tuple of str
    n_ratings : int
        In the ratings that the model was fitted to.
    position : int
        Its position in the model; −1 if the model does not know the film.
    """

    item: str
    title: str
    year: int | None
    genres: tuple[str, ...]
    n_ratings: int
    position: int

    @property
    def is_known(self) -> bool:
        """Whether the model knows the film. Otherwise it is neither recommended nor learned from."""
        return self.position >= 0

    def __str__(self) -> str:
        return self.title if self.year is None else f"{self.title} ({self.year})"


def films_of(movies: Movies, model: Model, n_ratings: list[int]) -> list[Film]:
    """All films of a list of movies and of a model. A film that only the model knows has its id as title.

    Parameters
    ----------
    n_ratings : list of int
        How many ratings each item of the model has, by position.
    """
    positions = {str(item): place for place, item in enumerate(model.item_index_.ids.tolist())}
    listed = {str(item): movie for item, movie in movies.items()}
    untitled = {item: Movie(item, item) for item in positions if item not in listed}
    found = []
    for item, movie in {**listed, **untitled}.items():
        place = positions.get(item, -1)
        count = n_ratings[place] if place >= 0 else 0
        found.append(Film(item, movie.title, movie.year, movie.genres, count, place))
    return found


def model_id(model: Model, film: Film) -> Id:
    """The id by which the model knows a film."""
    return model.item_index_.id_at(film.position)
