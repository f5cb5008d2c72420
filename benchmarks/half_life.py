"""What a half-life is worth on MovieLens 100K, in lists and in predicted stars, with baselines beside.

MATINEE_DATA=FOLDER .venv/bin/python benchmarks/half_life.py
"""

from __future__ import annotations

import numpy as np

import matinee
from matinee.baselines import ItemBiases, MostPopular
from matinee.models.default_models import default_watch

HALF_LIVES = (None, "2y", "240d", "120d", "60d", "30d", "14d", "7d")
COLUMNS = (
    "half-life",
    "NDCG@10, Recommender",
    "of people known",
    "ImplicitALS of people known",
    "most popular",
    "of people known",
    "RMSE, ALS",
    "BayesianALS",
    "item means",
)


def main() -> None:
    ratings = matinee.load_dataset("ml-100k")
    for by in ("time", "last"):
        train, test = matinee.split(ratings, by=by, test_size=0.2)
        is_known = (train.by_user.counts > 0)[test.user_positions]
        n_people, n_known = (
            int(np.count_nonzero(part.by_user.counts)) for part in (test, test.subset(is_known))
        )
        print(f'\nsplit(ratings, by="{by}", test_size=0.2): {n_known} of {n_people} people are known\n')
        print("|", " | ".join(COLUMNS), "|")
        print("|", " | ".join(["---", *["---:"] * (len(COLUMNS) - 1)]), "|")
        for half_life in HALF_LIVES:
            cells = [f"{figure:.3f}" for figure in figures(train, test, test.subset(is_known), half_life)]
            print("|", " | ".join([half_life or "none", *cells]), "|", flush=True)


def figures(
    train: matinee.Ratings, test: matinee.Ratings, of_known: matinee.Ratings, half_life: str | None
) -> list[float]:
    watch = default_watch(train, 0).set_params(half_life=half_life)
    als = matinee.ALS(n_factors=10, regularization=0.08, half_life=half_life)
    bayes = matinee.BayesianALS(n_factors=10, n_samples=60, half_life=half_life)
    stars = matinee.ALS(n_factors=10, regularization=0.08)
    lists = matinee.Recommender(watch=watch, stars=stars).fit(train, progress=False)
    watched = lists.watch_models_[0]
    aged = matinee.Ratings(train.user_index, train.item_index, watched.rated_)
    popular, means = MostPopular().fit(aged), ItemBiases().fit(aged)

    def ndcg(model: matinee.Model, wanted: matinee.Ratings) -> float:
        return float(matinee.evaluate(model, wanted, train=train).ndcg)

    def rmse(model: matinee.Model) -> float:
        return float(matinee.evaluate(model, test, train=train).rmse)

    of_lists = [ndcg(lists, test), ndcg(lists, of_known), ndcg(watched, of_known)]
    of_popular = [ndcg(popular, test), ndcg(popular, of_known)]
    fitted = [model.fit(train, progress=False) for model in (als, bayes)]
    return [*of_lists, *of_popular, *map(rmse, fitted), rmse(means)]


if __name__ == "__main__":
    main()
