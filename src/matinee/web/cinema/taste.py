"""What the model believes somebody likes: genres and decades against the average, and the factors' ends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matinee.web.cinema.films import Film
from matinee.web.cinema.kinds import factors_of
from matinee.web.cinema.recommending import fold_in
from matinee.web.cinema.showing import Showing

# One film says more about itself than about its genre.
FEWEST_FILMS = 2
N_FACTORS, N_AT_AN_END = 4, 4
# The ends are named by films that many know: few have heard of the most extreme ones.
N_KNOWN = 300


@dataclass(frozen=True)
class Leaning:
    """What somebody gave the films of a genre or a decade, against what others gave the same films.

    Attributes
    ----------
    name : str
    n_films : int
        How many of its films they have rated.
    mean : float
        Their mean stars.
    difference : float
        Their stars less the mean of others' stars for the same films, on average. Their own severity is taken
        off: over all their films the differences add up to 0.
    """

    name: str
    n_films: int
    mean: float
    difference: float


@dataclass(frozen=True)
class FactorEnds:
    """One direction in which tastes differ, by well-known films at its ends, and where somebody is on it.

    Attributes
    ----------
    low, high : list of Film
        At each end, the most extreme first.
    place : float
        The share of viewers who are nearer to the low end than they are.
    """

    low: list[Film]
    high: list[Film]
    place: float


def leanings(
    showing: Showing, ratings: Mapping[str, float], groups_of: Callable[[Film], Iterable[str]]
) -> list[Leaning]:
    """The leanings of somebody with these ratings to groups of films, the strongest liking first.

    Parameters
    ----------
    groups_of : callable
        The names of the groups that a film is in, as `genres_of` and `decade_of` give them.
    """
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    differences = []
    for item, stars in ratings.items():
        film = showing.catalogue.get(item)
        mean = None if film is None else showing.statistics.of(film.position).mean
        if film is None or mean is None:
            continue
        differences.append(stars - mean)
        for group in groups_of(film):
            found[group].append((stars, stars - mean))
    severity = sum(differences) / max(len(differences), 1)
    listed = [
        Leaning(
            name,
            len(pairs),
            sum(stars for stars, _ in pairs) / len(pairs),
            sum(difference for _, difference in pairs) / len(pairs) - severity,
        )
        for name, pairs in found.items()
        if len(pairs) >= FEWEST_FILMS
    ]
    return sorted(listed, key=lambda one: (-one.difference, one.name))


def genres_of(film: Film) -> tuple[str, ...]:
    """The genres of a film."""
    return film.genres


def decade_of(film: Film) -> tuple[str, ...]:
    """The decade of a film, such as ``"1970s"``."""
    return () if film.year is None else (f"{film.year // 10 * 10}s",)


def factor_ends(showing: Showing, ratings: Mapping[str, float]) -> list[FactorEnds]:
    """The directions in which tastes differ most, and where somebody with these ratings is on each.

    They are the principal axes of the factors of all viewers as they act on films. None for a model without
    factors, or if it knows none of the rated films.
    """
    model, person = factors_of(showing.model), fold_in(showing, ratings)
    if model is None or person is None:
        return []
    ids = showing.model.item_index_
    known = {
        ids.id_at(showing.catalogue[item].position): stars
        for item, stars in ratings.items()
        if item in showing.catalogue and showing.catalogue[item].is_known
    }
    own = model.fold_in(known).factors.astype(np.float64)
    axes, loadings = _axes(model.user_factors_, model.item_factors_)
    popular = np.array(showing.popular_positions[:N_KNOWN])
    found = []
    for axis, loading in zip(axes[:N_FACTORS], loadings[:N_FACTORS], strict=True):
        order = popular[np.argsort(loading[popular], kind="stable")]
        place = float(np.mean(model.user_factors_ @ axis < own @ axis))
        ends = (order[:N_AT_AN_END], order[::-1][:N_AT_AN_END])
        low, high = ([showing.film_by_position[position] for position in end.tolist()] for end in ends)
        found.append(FactorEnds(low, high, place))
    return found


def _axes(
    users: NDArray[np.float32], items: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Directions of users' factors, and the scores of each film along them; the widest spread first.

    The scores ``U Vᵀ`` around their mean over users are ``U₀ Vᵀ``. With ``A`` the covariance of the users and
    ``B`` that of the films, the axes are the eigenvectors of ``A½ B A½``, taken back by ``A½``.
    """
    doubles = items.astype(np.float64)
    centred = doubles - doubles.mean(axis=0)
    values, vectors = np.linalg.eigh(
        np.cov(users.astype(np.float64), rowvar=False, bias=True).reshape(users.shape[1], users.shape[1])
    )
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    inverse = (vectors / np.sqrt(np.maximum(values, values.max(initial=1e-12) * 1e-9))) @ vectors.T
    _, turned = np.linalg.eigh(root @ (centred.T @ centred) @ root)
    turned = turned[:, ::-1]
    return (inverse @ turned).T, (centred @ root @ turned).T
