"""The built-in cinema: real films, simulated viewers.

The films are real. The viewers are drawn at random. Each viewer has a few planted tastes (space opera, film
noir, …), and each film speaks to some of these tastes. What a viewer watches, and how they rate it, follows
from the two. So a factor model has something to find, and we know what it should find.

The ratings are the same bits on every machine. Every number that is added up on the way to a half-star is
first rounded to a multiple of 1/1024. Sums and products of a few such numbers are exact in float64, so the
processor, the number of threads and the BLAS cannot change them.
"""

from __future__ import annotations

import csv
from importlib import resources
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

N_VIEWERS = 6_000
# Of every ten people one is severe, one is generous, and one has registered without ever rating.
SEVERE, GENEROUS, SILENT = 0, 1, 2
SEVERE_BIAS, GENEROUS_BIAS = -0.9, 0.8

FEWEST_RATINGS, MOST_RATINGS = 5, 400
RATINGS_PER_SESSION = 12
VIEWERS_AT_ONCE = 500  # × 1,000 films: a few megabytes, which stay in the cache
DAY = 86_400
OPENING_DAY = int(np.datetime64("2020-01-01").astype(np.int64))
CLOSING_DAY = int(np.datetime64("2026-01-01").astype(np.int64))

MEAN_RATING = 3.05  # of films at random; people choose what they like, and rate 3.4 on average
# Chosen together: user and item biases alone predict with an RMSE near 0.91, and with ten factors near 0.78.
TASTE_STRENGTH = 1.05
NOISE = 0.72

# How much each taste likes (or dislikes) a film's cluster, its genres and its era.
TASTES: dict[str, dict[str, float]] = {
    "space": {"space-opera": 1.1, "science-fiction": 0.3, "superhero": 0.2, "Sci-Fi": 0.2, "fantasy": 0.1}
    | {"Romance": -0.2, "art-house": -0.3, "new-wave": -0.3},
    "noir": {"film-noir": 1.1, "suspense": 0.3, "gangster": 0.2, "Crime": 0.1, "Mystery": 0.2}
    | {"Children": -0.4, "superhero": -0.3, "romantic-comedy": -0.2},
    "thrills": {"action": 1.0, "superhero": 0.9, "Action": 0.3, "war": 0.2, "gangster": 0.2}
    | {"art-house": -0.5, "new-wave": -0.5, "romance": -0.4, "musical": -0.3},
    "family": {"family-animation": 1.1, "Children": 0.3, "anime": 0.4, "fantasy": 0.3, "musical": 0.1}
    | {"Horror": -0.5, "Crime": -0.3, "Thriller": -0.2},
    "hearts": {"romance": 1.0, "romantic-comedy": 0.9, "Romance": 0.3}
    | {"Horror": -0.4, "Action": -0.3, "western": -0.3, "war": -0.2},
    "fright": {"horror": 1.2, "Horror": 0.3, "suspense": 0.4, "Thriller": 0.1}
    | {"Children": -0.4, "Musical": -0.3, "Romance": -0.2},
    "laughter": {"comedy": 1.0, "romantic-comedy": 0.3, "Comedy": 0.4}
    | {"Drama": -0.3, "war": -0.2, "Horror": -0.1},
    "song": {"musical": 1.1, "Musical": 0.4, "before 1970": 0.1, "romance": 0.1}
    | {"Thriller": -0.3, "Sci-Fi": -0.3, "Crime": -0.2},
    "auteurs": {"art-house": 1.0, "new-wave": 1.1, "swordplay": 0.3, "Drama": 0.2}
    | {"superhero": -0.6, "action": -0.4, "space-opera": -0.3, "since 2000": -0.1},
    "frontier": {"western": 1.2, "war": 0.5, "before 1970": 0.3, "film-noir": 0.2}
    | {"Animation": -0.4, "superhero": -0.3, "since 2000": -0.2},
    "truth": {"documentary": 1.2, "war": 0.3, "drama": 0.4, "Drama": 0.1}
    | {"Fantasy": -0.4, "Sci-Fi": -0.2, "Horror": -0.2},
    "japan": {"swordplay": 1.2, "anime": 1.2, "Animation": 0.1} | {"romantic-comedy": -0.3, "comedy": -0.2},
}


class DemoFilm(NamedTuple):
    """A film of the demo cinema: its item id, title, year of release and genres."""

    item: int
    title: str
    year: int
    genres: tuple[str, ...]


class DemoArrays(NamedTuple):
    """The ratings of the demo cinema, one entry per rating, by user and then by time.

    Attributes
    ----------
    users, items : ndarray of int64, shape (n_ratings,)
    values : ndarray of float32, shape (n_ratings,)
        Half-stars from 0.5 to 5.
    timestamps : ndarray of int64, shape (n_ratings,)
        Unix seconds, increasing within each user.
    registered_users : ndarray of int64, shape (n_users,)
        All people, with those who never rated.
    """

    users: Integers
    items: Integers
    values: npt.NDArray[np.float32]
    timestamps: Integers
    registered_users: Integers


class _Cinema(NamedTuple):
    """The films and what the simulation knows about them; arrays are in the order of ``films``."""

    films: list[DemoFilm]
    clusters: list[str]
    renown: Floats  # 1 (for the devoted) to 5 (everybody has heard of it)


class _Viewers(NamedTuple):
    """The viewers who rate: arrays with one entry (or one row) per viewer."""

    users: Integers
    biases: Floats
    tastes: Floats
    n_ratings: Integers
    n_sessions: Integers
    days_between: Integers
    first_day: Integers


def demo_films() -> list[DemoFilm]:
    """The films of the demo cinema, by year and title, which is also the order of their item ids."""
    return _read_cinema().films


def demo_arrays(random_state: int = 0) -> DemoArrays:
    """The simulated ratings of the demo cinema; the same bits for the same seed.

    Parameters
    ----------
    random_state : int
        The seed of the viewers and of their ratings; the films are always the same.

    Returns
    -------
    DemoArrays
        Some 300,000 ratings by 5,400 of 6,000 registered people, of more than 1,000 films.
    """
    generator = np.random.Generator(np.random.PCG64(random_state))
    cinema = _read_cinema()
    viewers = _draw_viewers(generator)
    rows, columns, affinity = _choose_films(generator, cinema, viewers)
    opinions = viewers.biases[rows] + TASTE_STRENGTH * affinity
    values = _rate(generator, cinema, opinions, columns)
    order, timestamps = _draw_times(generator, cinema, viewers, rows, columns)
    items = np.array([film.item for film in cinema.films], dtype=np.int64)
    return DemoArrays(
        users=viewers.users[rows[order]],
        items=items[columns[order]],
        values=values[order],
        timestamps=timestamps,
        registered_users=np.arange(1, N_VIEWERS + 1, dtype=np.int64),
    )


def _read_cinema() -> _Cinema:
    source = resources.files("matinee.datasets").joinpath("cinema.tsv")
    lines = source.read_text(encoding="utf-8").splitlines()
    records = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    renown = np.array([float(record["renown"]) for record in records])
    return _Cinema([_film(record) for record in records], [record["cluster"] for record in records], renown)


def _film(record: dict[str, str]) -> DemoFilm:
    genres = tuple(record["genres"].split("|"))
    return DemoFilm(int(record["item"]), record["title"], int(record["year"]), genres)


def _on_grid(values: Floats) -> Floats:
    """The values rounded to multiples of 1/1024, whose sums and products are exact in float64."""
    return np.rint(values * 1024) / 1024


def _film_tastes(cinema: _Cinema) -> Floats:
    """What each film offers to each taste, centred over the films; shape (n_films, n_tastes)."""
    words = [_words(film, cluster) for film, cluster in zip(cinema.films, cinema.clusters, strict=True)]
    offers = np.array([[sum(likes.get(w, 0.0) for w in film) for likes in TASTES.values()] for film in words])
    # Bounded, so that a taste does not depend on the few films that match it in every word.
    offers = np.clip(_on_grid(offers), -0.75, 1.375)
    return _on_grid(offers - offers.mean(axis=0))


def _words(film: DemoFilm, cluster: str) -> tuple[str, ...]:
    era = "before 1970" if film.year < 1970 else "since 2000" if film.year >= 2000 else "between"
    return (*film.genres, cluster, era)


def _draw_viewers(generator: np.random.Generator) -> _Viewers:
    kinds = generator.permutation(np.arange(N_VIEWERS) % 10)
    users = np.flatnonzero(kinds != SILENT) + 1
    kinds = kinds[kinds != SILENT]
    leaning = np.where(kinds == SEVERE, SEVERE_BIAS, np.where(kinds == GENEROUS, GENEROUS_BIAS, 0.0))
    n_ratings = _draw_activity(generator, len(users))
    n_sessions = -(-n_ratings // RATINGS_PER_SESSION)
    days_between = generator.integers(2, 45, len(users))
    latest_first_day = CLOSING_DAY - n_sessions * days_between
    return _Viewers(
        users=users,
        biases=_on_grid(leaning + 0.25 * generator.standard_normal(len(users))),
        tastes=_draw_tastes(generator, len(users)),
        n_ratings=n_ratings,
        n_sessions=n_sessions,
        days_between=days_between,
        first_day=generator.integers(OPENING_DAY, latest_first_day),
    )


def _draw_tastes(generator: np.random.Generator, n_viewers: int) -> Floats:
    """For each viewer one strong taste and one weaker taste, and a small random taste for everything."""
    tastes = 0.3 * generator.standard_normal((n_viewers, len(TASTES)))
    viewers = np.arange(n_viewers)
    tastes[viewers, generator.integers(0, len(TASTES), n_viewers)] += 1.0
    tastes[viewers, generator.integers(0, len(TASTES), n_viewers)] += 0.5
    return _on_grid(tastes)


def _draw_activity(generator: np.random.Generator, n_viewers: int) -> Integers:
    """The number of films each viewer rates: the minimum plus a power law (Lomax); its median is near 35."""
    scale, exponent = 85.0, 2.5
    above = scale * (generator.random(n_viewers) ** (-1 / exponent) - 1)
    return np.minimum(FEWEST_RATINGS + above, MOST_RATINGS).astype(np.int64)


def _choose_films(
    generator: np.random.Generator, cinema: _Cinema, viewers: _Viewers
) -> tuple[Integers, Integers, Floats]:
    """Who watches what: rows of ``viewers``, columns of ``cinema``, and the affinity of each such pair."""
    appeal = cinema.renown + 0.4 * generator.standard_normal(len(cinema.films))
    place = np.argsort(np.argsort(-appeal))
    fame = 1 / (place + 15.0)  # Zipf's law, flattened for the first places
    film_tastes = _film_tastes(cinema)
    last_visit = viewers.first_day + (viewers.n_sessions - 1) * viewers.days_between
    release_days = _release_days(cinema)
    blocks = []
    for start in range(0, len(viewers.users), VIEWERS_AT_ONCE):
        block = slice(start, start + VIEWERS_AT_ONCE)
        affinity = viewers.tastes[block] @ film_tastes.T  # exact: multiples of 1/1024 on both sides
        weights: Floats = fame * np.exp(affinity)
        weights[release_days > last_visit[block, np.newaxis]] = 0
        chosen = _draw_without_replacement(generator, weights, viewers.n_ratings[block])
        rows, columns = np.nonzero(chosen)
        blocks.append((rows + start, columns, affinity[chosen]))
    all_rows, all_columns, affinities = zip(*blocks, strict=True)
    return np.concatenate(all_rows), np.concatenate(all_columns), np.concatenate(affinities)


def _draw_without_replacement(
    generator: np.random.Generator, weights: Floats, counts: Integers
) -> npt.NDArray[np.bool_]:
    """For each row, ``counts`` columns chosen in proportion to the weights; shape of ``weights``.

    The columns with the largest quotients of weight and an exponential variate are such a draw (Efraimidis &
    Spirakis 2006).
    """
    keys = weights / generator.standard_exponential(weights.shape)
    limits = np.sort(keys, axis=1)[np.arange(len(keys)), -counts]
    chosen: npt.NDArray[np.bool_] = keys >= limits[:, np.newaxis]
    return chosen


def _rate(
    generator: np.random.Generator, cinema: _Cinema, opinions: Floats, columns: Integers
) -> npt.NDArray[np.float32]:
    """Half-stars from the viewers' opinions of the films, the films' own merit, and the mood of the day."""
    merit = 0.13 * (cinema.renown - 3) + 0.2 * generator.standard_normal(len(cinema.films))
    moods = NOISE * generator.standard_normal(len(columns))
    scores = _on_grid(opinions) + _on_grid(merit)[columns] + _on_grid(moods) + MEAN_RATING
    return (np.clip(np.rint(2 * scores), 1, 10) / 2).astype(np.float32)


def _release_days(cinema: _Cinema) -> Integers:
    years = np.array([film.year for film in cinema.films]) - 1970
    return years.astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)


def _draw_times(
    generator: np.random.Generator, cinema: _Cinema, viewers: _Viewers, rows: Integers, columns: Integers
) -> tuple[Integers, Integers]:
    """The order of the ratings by viewer and time, and their Unix seconds in that order.

    The days since a viewer's first visit are divided into equal spans, and each span has one visit. Nobody
    rates a film in a visit before the year of its release.
    """
    waited = _release_days(cinema)[columns] - viewers.first_day[rows]
    earliest = np.maximum(-(-waited // viewers.days_between[rows]), 0)
    sessions = generator.integers(earliest, viewers.n_sessions[rows])
    visits = rows * MOST_RATINGS + sessions
    shuffle = 2**20
    order = np.argsort(visits * shuffle + generator.integers(0, shuffle, len(visits)), kind="stable")
    starts = _draw_session_starts(generator, viewers)[rows[order], sessions[order]]
    return order, starts + _seconds_into_visit(generator, visits[order])


def _draw_session_starts(generator: np.random.Generator, viewers: _Viewers) -> Integers:
    """Unix seconds of each viewer's visits, all in the afternoon; shape (n_viewers, most sessions)."""
    shape = len(viewers.users), int(viewers.n_sessions.max())
    days_between = viewers.days_between[:, np.newaxis]
    days = viewers.first_day[:, np.newaxis] + np.arange(shape[1]) * days_between
    days += generator.integers(0, days_between, shape)
    return days * DAY + generator.integers(14 * 3600, 20 * 3600, shape)


def _seconds_into_visit(generator: np.random.Generator, visits: Integers) -> Integers:
    """Seconds since the start of the visit for each rating, given the visits in order."""
    elapsed = np.cumsum(generator.integers(10, 60, len(visits)))
    opens = np.diff(visits, prepend=-1) != 0
    # elapsed only grows, so the running maximum is its value at the start of the visit.
    return elapsed - np.maximum.accumulate(np.where(opens, elapsed, 0))
