"""Intervals and log scores of BayesianALS with one noise for all, and with noise of every user's own.

MATINEE_DATA=FOLDER .venv/bin/python benchmarks/user_noise.py
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

import matinee

SETTINGS = {"ml-1m": 32, "ml-100k": 20}
SEEDS = (0, 1, 2)
REACH = NormalDist().inv_cdf(0.95)
N_GROUPS = 5


class Predicted:
    """Held-out ratings, and the distributions that were predicted for them."""

    def __init__(
        self, train: matinee.Ratings, test: matinee.Ratings, n_factors: int, *, user_noise: bool
    ) -> None:
        self.model = matinee.BayesianALS(n_factors=n_factors, n_samples=100, n_kept=25, user_noise=user_noise)
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


def main() -> None:
    print("| | log score | RMSE | width | 90 % hold | ν |\n| --- | ---: | ---: | ---: | ---: | ---: |")
    first: tuple[matinee.Ratings, Predicted, Predicted] | None = None
    for name, n_factors in SETTINGS.items():
        ratings = matinee.load_dataset(name)
        rows: dict[bool, list[list[float]]] = {False: [], True: []}
        for seed in SEEDS:
            train, test = matinee.split(ratings, test_size=0.1, random_state=seed)
            both = {own: Predicted(train, test, n_factors, user_noise=own) for own in (False, True)}
            first = first or (test, both[False], both[True])
            for own, found in both.items():
                degrees = found.model.posterior_.noise_degrees
                everything = np.ones(len(test), dtype=bool)
                rows[own].append([*found.figures(everything), float(degrees.mean()) if own else np.nan])
        for own, of_seeds in rows.items():
            cells = ["" if np.isnan(figure) else f"{figure:.4f}" for figure in np.mean(of_seeds, axis=0)]
            print("|", " | ".join([f"{name}{', user_noise' * own}", *cells]), "|", flush=True)
    assert first is not None
    by_group(*first)


def by_group(test: matinee.Ratings, common: Predicted, own: Predicted) -> None:
    """Groups of as many people each, by how wide their intervals are with noise of their own."""
    people, n_ratings = test.user_positions, np.maximum(test.by_user.counts, 1)
    width = np.bincount(people, own.deviation, minlength=test.n_users) / n_ratings
    edges = np.quantile(width[test.by_user.counts > 0], np.arange(1, N_GROUPS) / N_GROUPS)
    groups = np.searchsorted(edges, width)[people]
    print("\n| people | RMSE | width, one noise | holds | width, own | holds |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for group in range(N_GROUPS):
        (_, rmse, *plain), (_, _, *theirs) = (each.figures(groups == group) for each in (common, own))
        cells = [f"{plain[0]:.2f}", f"{plain[1]:.1%}", f"{theirs[0]:.2f}", f"{theirs[1]:.1%}"]
        print("|", " | ".join([str(group + 1), f"{rmse:.2f}", *cells]), "|")


if __name__ == "__main__":
    main()
