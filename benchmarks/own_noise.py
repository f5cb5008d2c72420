"""Intervals and log scores of BayesianALS with one noise for all, and with own noise of users and items.

MATINEE_DATA=FOLDER .venv/bin/python benchmarks/own_noise.py [ml-1m ml-100k]
"""

from __future__ import annotations

import sys
from statistics import NormalDist

import numpy as np

import matinee

SETTINGS = {"ml-1m": 32, "ml-100k": 20}
SEEDS = (0, 1, 2)
KINDS: tuple[tuple[str, ...], ...] = ((), ("user_noise",), ("item_noise",), ("user_noise", "item_noise"))
REACH = NormalDist().inv_cdf(0.95)
N_GROUPS = 5


class Predicted:
    """Held-out ratings, and the distributions that were predicted for them."""

    def __init__(
        self, train: matinee.Ratings, test: matinee.Ratings, n_factors: int, kind: tuple[str, ...]
    ) -> None:
        noise = dict.fromkeys(kind, True)
        self.model = matinee.BayesianALS(n_factors=n_factors, n_samples=100, n_kept=25, **noise)
        self.model.fit(train, progress=False)
        users, items = test.users[test.user_positions], test.items[test.by_user.columns]
        mean, deviation = self.model.predict(users, items, return_std=True)
        self.deviation = deviation.astype(np.float64)
        self.errors = test.values - mean.astype(np.float64)

    def figures(self, chosen: np.ndarray) -> tuple[float, float, float, float]:
        """The log score, the RMSE, the mean width of intervals of 90 %, and the share that they hold."""
        deviation, errors = self.deviation[chosen], self.errors[chosen]
        away = errors / deviation
        score = -0.5 * np.log(2 * np.pi * deviation**2) - 0.5 * away**2
        return (
            float(score.mean()),
            float(np.sqrt(np.square(errors).mean())),
            float(2 * REACH * deviation.mean()),
            float((np.abs(away) < REACH).mean()),
        )

    @property
    def degrees(self) -> tuple[float, float]:
        """ν of the users and of the items; NaN where they have no noise of their own."""
        posterior = self.model.posterior_
        both = posterior.noise_degrees, posterior.item_noise_degrees
        of_users, of_items = (float(each.mean()) if len(each) else np.nan for each in both)
        return of_users, of_items


def main() -> None:
    print("| | log score | RMSE | width | 90 % hold | ν of users | ν of items |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    first: tuple[matinee.Ratings, dict[tuple[str, ...], Predicted]] | None = None
    for name in sys.argv[1:] or SETTINGS:
        ratings = matinee.load_dataset(name)
        rows: dict[tuple[str, ...], list[list[float]]] = {kind: [] for kind in KINDS}
        for seed in SEEDS:
            train, test = matinee.split(ratings, test_size=0.1, random_state=seed)
            found = {kind: Predicted(train, test, SETTINGS[name], kind) for kind in KINDS}
            first = first or (test, found)
            everything = np.ones(len(test), dtype=bool)
            for kind, each in found.items():
                rows[kind].append([*each.figures(everything), *each.degrees])
        for kind, of_seeds in rows.items():
            cells = ["" if np.isnan(figure) else f"{figure:.4f}" for figure in np.mean(of_seeds, axis=0)]
            print("|", " | ".join([", ".join([name, *kind]), *cells]), "|", flush=True)
    assert first is not None
    held_out, by_kind = first
    by_group("people", held_out.user_positions, by_kind[()], by_kind["user_noise",])
    by_group("movies", held_out.by_user.columns, by_kind[()], by_kind["item_noise",])


def by_group(title: str, rows: np.ndarray, common: Predicted, own: Predicted) -> None:
    """Groups of as many rows each, by how wide their intervals are with noise of their own."""
    counts = np.bincount(rows)
    width = np.bincount(rows, own.deviation) / np.maximum(counts, 1)
    edges = np.quantile(width[counts > 0], np.arange(1, N_GROUPS) / N_GROUPS)
    groups = np.searchsorted(edges, width)[rows]
    print(f"\n| {title} | RMSE | width, one noise | holds | width, own | holds |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for group in range(N_GROUPS):
        (_, rmse, *plain), (_, _, *theirs) = (each.figures(groups == group) for each in (common, own))
        cells = [f"{plain[0]:.2f}", f"{plain[1]:.1%}", f"{theirs[0]:.2f}", f"{theirs[1]:.1%}"]
        print("|", " | ".join([str(group + 1), f"{rmse:.2f}", *cells]), "|")


if __name__ == "__main__":
    main()
