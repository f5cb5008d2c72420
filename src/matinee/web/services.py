"""What requests need and each process makes once: settings, secret, database and model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from matinee.datasets import Movies, load_movies, read_movies
from matinee.datasets.loading import DEMO
from matinee.datasets.own_ratings import links_beside, read_links
from matinee.datasets.published import DATASETS
from matinee.web.cinema.current_model import CurrentModel
from matinee.web.cinema.showing import Showing
from matinee.web.security.secret_key import secret_key
from matinee.web.settings import Settings
from matinee.web.store.engine import Store
from matinee.web.store.heartbeat import Heartbeat
from matinee.web.store.migrating import require_current, upgrade
from matinee.web.store.outage import Outage
from matinee.web.store.visitor_counts import SharedCounts


@dataclass(frozen=True)
class Services:
    """The settings, the secret, the database and the model of one process.

    Attributes
    ----------
    settings : Settings
    secret : str
        Signs the cookies.
    store : Store
    outage : Outage
    heartbeat : Heartbeat
    counts : SharedCounts
    current_model : CurrentModel
    """

    settings: Settings
    secret: str
    store: Store
    outage: Outage
    heartbeat: Heartbeat
    counts: SharedCounts
    current_model: CurrentModel

    @property
    def showing(self) -> Showing:
        """The model that is served now, and its films."""
        return self.current_model.showing

    @property
    def is_simulated(self) -> bool:
        """Whether the viewers behind the suggestions are those of the built-in cinema, who are simulated."""
        return self.settings.movies == DEMO

    @cached_property
    def links(self) -> dict[int, str]:
        """For the number of a movie at IMDb, its item, if a ``links.csv`` is beside the list of movies."""
        source = self.settings.movies
        beside = None if source is None or self._is_dataset(source) else links_beside(source)
        return {} if beside is None else read_links(beside)

    @staticmethod
    def _is_dataset(source: str) -> bool:
        return source == DEMO or source in DATASETS

    @classmethod
    def open(cls, settings: Settings) -> Services:
        """Open the database and load the model.

        Raises
        ------
        DataError
            If the database cannot be reached or has another schema version, or the secret is too short.
        ModelFileError
        """
        store = Store(settings.database_url)
        if store.is_sqlite:
            upgrade(store)
        else:
            require_current(store)
        movies = movies_of(settings.movies)
        model = CurrentModel(
            Path(settings.model),
            movies,
            refreshed_in=settings.refreshed_folder,
            poll_seconds=settings.model_poll_seconds,
        )
        outage = Outage()
        secret = secret_key(Path(settings.folder))
        return cls(
            settings, secret, store, outage, Heartbeat(store, outage), SharedCounts(store, outage), model
        )

    def close(self) -> None:
        """Stop watching the model file, and close the database."""
        self.current_model.stop()
        self.store.close()


def movies_of(source: str | None) -> Movies:
    """The movies of a file or a dataset; without a source, none."""
    if source is None:
        return Movies([])
    return load_movies(source) if source == DEMO or source in DATASETS else read_movies(source)
