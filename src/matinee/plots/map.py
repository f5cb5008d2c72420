"""Draws a map of films: those that the same people like are near each other."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from matinee.checks import whole_number
from matinee.datasets import Movies
from matinee.errors import DataError, MissingExtraError
from matinee.models.factor_model import require_factors
from matinee.models.model import Model
from matinee.plots.canvas import GREY, MARKERS, SERIES, axes_or_new
from matinee.plots.labels import place_labels
from matinee.plots.rotation import principal_directions
from matinee.plots.selection import most_rated, titles_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Method = Literal["pca", "umap"]
# As many genres as have colours that can be told apart.
N_GENRES = 6
SMALLEST, LARGEST = 12.0, 110.0  # square points, by the number of ratings


def movie_map(
    model: Model,
    ax: Axes | None = None,
    *,
    movies: Movies | None = None,
    n: int = 300,
    n_labels: int = 40,
    method: Method | None = None,
) -> Axes:
    """The most rated films in two dimensions: films with similar factors are near each other.

    Parameters
    ----------
    model : Model
        Fitted, or loaded.
    ax : matplotlib.axes.Axes, optional
        The Axes to draw on; those of a new figure if not given.
    movies : Movies, optional
        Gives titles in place of ids, and colours by the first genre.
    n : int
        The number of films.
    n_labels : int
        The most rated films, at most so many, get their title; a title that would overlap is left out.
    method : {"pca", "umap"}, optional
        Principal components ("pca") keep large distances and can be read along the axes. UMAP (McInnes, Healy
        & Melville 2018) keeps neighbours together. The default is UMAP if it is installed.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    NotFittedError, DataError
    MissingExtraError
        If matplotlib is not installed, or umap-learn with ``method="umap"``.
    """
    model = require_factors(model)
    if method not in (None, *get_args(Method)):
        raise DataError(f'method={method!r}; expected "pca", "umap" or None')
    n, n_labels = whole_number("n", n, least=1), whole_number("n_labels", n_labels, least=0)
    raters = model.n_raters
    shown = most_rated(model.item_index_, raters, n, "item")
    ax = axes_or_new(ax, (10.0, 7.0))
    points, axis_names = _flattened(model.item_factors_[shown], method)
    counts = raters[shown]
    sizes = SMALLEST + (LARGEST - SMALLEST) * counts / max(int(counts.max()), 1)
    genres = [_first_genre(model.item_index_.id_at(int(place)), movies) for place in shown]
    _draw_points(ax, points, sizes, genres)
    ax.set_xlabel(axis_names[0])
    ax.set_ylabel(axis_names[1])
    ax.set_xticks([])
    ax.set_yticks([])
    ax.margins(0.08)
    ax.set_title(f"The {len(shown):,} most rated films by their factors", loc="left", fontsize=10)
    place_labels(
        ax, points[:n_labels], titles_of(model.item_index_, shown[:n_labels], movies), obstacles=points
    )
    return ax


def _flattened(factors: NDArray[Any], method: Method | None) -> tuple[NDArray[np.float64], tuple[str, str]]:
    """Two coordinates for each row, and the names of the axes."""
    umap = None if method == "pca" or len(factors) <= 3 else _umap(required=method == "umap")
    if umap is None:
        return _principal_components(factors)
    reducer = umap.UMAP(n_neighbors=min(15, len(factors) - 1), random_state=0, n_jobs=1)
    return np.asarray(reducer.fit_transform(factors), dtype=np.float64), (
        "UMAP, first axis",
        "UMAP, second axis",
    )


def _principal_components(factors: NDArray[Any]) -> tuple[NDArray[np.float64], tuple[str, str]]:
    directions, shares = principal_directions(factors)
    points = np.zeros((len(factors), 2))
    rank = min(2, factors.shape[1])
    points[:, :rank] = (factors.astype(np.float64) - factors.mean(axis=0)) @ directions[:, :rank]
    first, second = (
        f"{name} principal component ({share:.0%} of the variance)"
        for name, share in zip(("first", "second"), [*shares, 0.0][:2], strict=True)
    )
    return points, (first, second)


def _umap(*, required: bool) -> Any:
    try:
        with warnings.catch_warnings():
            # umap warns about packages for parts of it that are not used here.
            warnings.simplefilter("ignore", ImportWarning)
            import umap
    except ImportError:
        if required:
            raise MissingExtraError(
                'method="umap" needs umap-learn, which is not installed; '
                "run: python -m pip install umap-learn"
            ) from None
        return None
    return umap


def _first_genre(item: Any, movies: Movies | None) -> str | None:
    movie = None if movies is None else movies.get(item)
    return movie.genres[0] if movie is not None and movie.genres else None


def _draw_points(ax: Axes, points: NDArray[Any], sizes: NDArray[Any], genres: list[str | None]) -> None:
    """Draw dots with these sizes, in the colours and shapes of the most frequent genres."""
    frequent = [genre for genre, _ in Counter(genre for genre in genres if genre).most_common(N_GENRES)]
    groups = [(genre, SERIES[place], MARKERS[place]) for place, genre in enumerate(frequent)]
    others = any(genre not in frequent for genre in genres)
    named = "others" if frequent else "films"
    for genre, colour, marker in [*groups, *([(None, GREY, "o")] if others else [])]:
        chosen = np.array([(one == genre) if genre else (one not in frequent) for one in genres])
        ax.scatter(
            points[chosen, 0],
            points[chosen, 1],
            s=sizes[chosen],
            c=colour,
            marker=marker,
            alpha=0.75,
            linewidth=0,
            label=genre or named,
        )
    if frequent:
        legend = ax.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        for handle in legend.legend_handles:
            if handle is not None and hasattr(handle, "set_sizes"):
                handle.set_sizes([36.0])
