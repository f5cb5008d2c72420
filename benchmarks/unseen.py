"""Films that nobody has seen, and people of whom only features are known: do models rank for them?

A random tenth of the movies of MovieLens 1M loses all its ratings; of the others a fifth of each user's is
held out. Needs MATINEE_DATA, a folder with ml-1m. `python benchmarks/unseen.py` prints a table as Markdown.
With ``--irspack PYTHON``, an interpreter of an environment that has irspack, it is in the table as well.
For the second table a tenth of the people lose all their ratings.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import matinee
from matinee import ImplicitALS, Movies, Ratings
from matinee.models.features.side_knowledge import encode_features

HERE = Path(__file__).resolve().parent
SEEDS = (0, 1)
# λ is the default recommender's; momentum saves a third of the iterations.
MODEL: dict[str, Any] = {
    "n_factors": 128,
    "regularization": 0.012,
    "unobserved_weight": 0.3,
    "grading": 0.2,
    "momentum": 0.6,
    "n_iterations": 8,
}
# irspack's penalty of the weights of features; ours is 10 times the mean ridge, which is 24 here.
PENALTIES = (24, 240, 2400)


@dataclass
class Cinema:
    """Training ratings, and what is to be found: of films that were seen, and of films that were not.

    `seen`, `held_out` and `unseen` are True for pairs of a user and one of `items`, which are all films.
    """

    train: Ratings
    movies: Movies
    users: Any
    items: Any
    is_cold: Any
    seen: Any
    held_out: Any
    unseen: Any

    @classmethod
    def of(cls, seed: int) -> Cinema:
        folder = Path(os.environ["MATINEE_DATA"]) / "ml-1m"
        ratings = matinee.read_ratings(folder / "ratings.dat")
        items = ratings.items
        cold = np.random.default_rng(seed).choice(items, len(items) // 10, replace=False)
        is_cold = np.isin(items, cold)
        of_cold = is_cold[ratings.by_user.columns]
        train, test = matinee.split(ratings.subset(~of_cold), by="user", random_state=seed)
        # Made anew, so that the films that were left out are not among those of the ratings.
        train = Ratings.from_frame(train.to_frame())
        pairs = [_pairs(each, ratings.users, items) for each in (train, test, ratings.subset(of_cold))]
        return cls(train, matinee.read_movies(folder / "movies.dat"), ratings.users, items, is_cold, *pairs)

    def scores(self, model: ImplicitALS) -> Any:
        """Everybody's scores of all films; −∞ for those that the model does not know."""
        rows = model.user_index_.positions(self.users)
        places = model.item_index_.positions(self.items)
        scores = np.full(self.seen.shape, -np.inf, dtype=np.float32)
        known = places >= 0
        scores[:, known] = model.user_factors_[rows] @ model.item_factors_[places[known]].T
        return scores

    def judged(self, scores: Any) -> list[float]:
        """NDCG@10 and recall@20 of the unseen films alone, NDCG@10 of the seen ones, and of all."""
        cold, warm = self.is_cold, ~self.is_cold
        unseen = _best(scores[:, cold], 20)
        others = np.where(self.seen, -np.inf, scores)
        return [
            _ndcg(unseen, self.unseen[:, cold]),
            _recall(unseen, self.unseen[:, cold]),
            _ndcg(_best(others[:, warm], 10), self.held_out[:, warm]),
            _ndcg(_best(others, 10), self.held_out | self.unseen),
        ]


def _pairs(ratings: Ratings, users: Any, items: Any) -> Any:
    found = np.zeros((len(users), len(items)), dtype=bool)
    rows, columns = np.searchsorted(users, ratings.users), np.searchsorted(items, ratings.items)
    found[rows[ratings.user_positions], columns[ratings.by_user.columns]] = True
    return found


def _best(scores: Any, n: int) -> Any:
    return np.argsort(-scores, axis=1, kind="stable")[:, :n]


def _ndcg(best: Any, wanted: Any) -> float:
    counts = wanted.sum(axis=1)
    discounts = 1 / np.log2(np.arange(2, 12))
    gains = np.take_along_axis(wanted, best[:, :10], axis=1) @ discounts
    some = counts > 0
    return float(np.mean(gains[some] / np.cumsum(discounts)[np.minimum(counts[some], 10) - 1]))


def _recall(best: Any, wanted: Any) -> float:
    counts = wanted.sum(axis=1)
    hits = np.take_along_axis(wanted, best, axis=1).sum(axis=1)
    return float(np.mean(hits[counts > 0] / counts[counts > 0]))


# ---- contenders -----------------------------------------------------------------------------------------

Scorer = Callable[[Cinema, int], Any]


def at_random(cinema: Cinema, seed: int) -> Any:
    return np.random.default_rng(seed).random(cinema.seen.shape)


def most_popular(cinema: Cinema, seed: int) -> Any:
    # What nobody has seen is in random order, after everything else.
    return cinema.seen.sum(axis=0) + np.random.default_rng(seed).random(cinema.seen.shape) / 2


def fitted(**options: Any) -> Scorer:
    def scores(cinema: Cinema, seed: int) -> Any:
        model = ImplicitALS(**{**MODEL, "random_state": seed, **options.get("parameters", {})})
        features = {}
        if "columns" in options:
            frame = cinema.movies.features()
            features["item_features"] = frame.select(options["columns"] or frame.columns)
        return cinema.scores(model.fit(cinema.train, progress=False, **features))

    return scores


def regressed_afterwards(cinema: Cinema, seed: int) -> Any:
    """Without features in the fit; then a ridge regression of the films' factors on their features."""
    model = ImplicitALS(**{**MODEL, "random_state": seed}).fit(cinema.train, progress=False)
    features = _dense_features(cinema)
    places = model.item_index_.positions(cinema.items)
    known = places >= 0
    f, y = features[known], model.item_factors_[places[known]].astype(np.float64)
    ridge = np.diag([10.0] * (f.shape[1] - 1) + [0.0])
    scores = cinema.scores(model)
    guessed = features[~known] @ np.linalg.solve(f.T @ f + ridge, f.T @ y)
    scores[:, ~known] = model.user_factors_[model.user_index_.positions(cinema.users)] @ guessed.T
    return scores


def _dense_features(cinema: Cinema) -> Any:
    """What `Movies.features` says of all films, with a 1 as the last column."""
    registered = Ratings.from_frame(cinema.train.to_frame())
    found, _, (columns, rows) = encode_features(registered, None, cinema.movies.features())
    dense = np.zeros((found.n_items, columns.n_features + 1))
    dense[np.repeat(np.arange(found.n_items), rows.counts), rows.columns] = rows.values
    dense[:, -1] = 1.0
    return dense[found.item_index.positions(cinema.items)]


def of_irspack(python: str, penalty: float) -> Scorer:
    def scores(cinema: Cinema, seed: int) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            given, answer = Path(folder) / "given.npz", Path(folder) / "answer.npy"
            features = _dense_features(cinema)
            np.savez(given, seen=cinema.seen, features=features, seed=seed, penalty=penalty)
            script = HERE / "contenders" / "irspack_unseen.py"
            subprocess.run([python, str(script), str(given), str(answer)], check=True, stdout=sys.stderr)
            return np.load(answer)

    return scores


def contenders(irspack: str | None) -> Iterator[tuple[str, Scorer]]:
    yield "random", at_random
    yield "most popular", most_popular
    yield "`ImplicitALS` without features", fitted()
    yield "… and a ridge regression after the fit", regressed_afterwards
    yield "`ImplicitALS`, genres and year", fitted(columns=["item", "year", "genres"])
    yield "**`ImplicitALS`, `movies.features()`**", fitted(columns=[])
    for penalty in PENALTIES if irspack is not None else ():
        yield f"irspack, the same features, penalty {penalty}", of_irspack(str(irspack), penalty)


def people_by_features(seed: int) -> list[list[float]]:
    """NDCG@10 and recall@20 for a tenth of the people, of whom a fit knows nothing but their features."""
    folder = Path(os.environ["MATINEE_DATA"]) / "ml-1m"
    ratings = matinee.read_ratings(folder / "ratings.dat")
    cold = np.random.default_rng(seed).choice(ratings.users, ratings.n_users // 10, replace=False)
    is_cold = np.isin(ratings.users, cold)[ratings.user_positions]
    train, test = (Ratings.from_frame(ratings.subset(part).to_frame()) for part in (~is_cold, is_cold))
    model = ImplicitALS(**MODEL, random_state=seed)
    model.fit(train, user_features=matinee.read_users(folder / "users.dat"), progress=False)
    wanted = _pairs(test, test.users, model.item_index_.ids)
    popularity = np.tile(np.bincount(train.by_user.columns), (test.n_users, 1))
    by_features = model.user_factors_[model.user_index_.positions(test.users)] @ model.item_factors_.T
    return [
        [_ndcg(_best(each, 10), wanted), _recall(_best(each, 20), wanted)]
        for each in (popularity, by_features)
    ]


def print_people(seeds: Iterable[int]) -> None:
    figures = np.array([people_by_features(seed) for seed in seeds])
    print("\n| | NDCG@10 | recall@20 |\n| --- | ---: | ---: |")
    for place, name in enumerate(("most popular", "**`ImplicitALS`, age, gender and occupation**")):
        cells = [" / ".join(f"{each:.3f}" for each in column) for column in figures[:, place].T]
        print(f"| {name} | {' | '.join(cells)} |")


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--irspack", help="the interpreter of an environment that has irspack")
    reader.add_argument("--only", default="", help="part of the names of the rows to measure")
    reader.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    options = reader.parse_args()
    cinemas = [Cinema.of(seed) for seed in options.seeds]
    print("| | NDCG@10, unseen | recall@20, unseen | NDCG@10, seen | NDCG@10, all films |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, scores in contenders(options.irspack):
        if options.only not in name:
            continue
        began = time.perf_counter()
        figures = [cinema.judged(scores(cinema, seed)) for seed, cinema in enumerate(cinemas)]
        cells = [" / ".join(f"{each:.3f}" for each in column) for column in zip(*figures, strict=True)]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
        print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    if not options.only:
        print_people(options.seeds)


if __name__ == "__main__":
    main()
