"""What variety costs: figures of lists for each ``diversity``, with the most popular beside.

MATINEE_DATA=FOLDER .venv/bin/python benchmarks/diversity.py
"""

from __future__ import annotations

import polars as pl

import matinee

K = 10
STRENGTHS = (0.2, 0.5, 0.8)
POOL = 100
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
FIGURES = {
    "ndcg": "{:.4f}",
    "ndcg_liked": "{:.4f}",
    "diversity": "{:.3f}",
    "miscalibration": "{:.3f}",
    "serendipity": "{:.4f}",
    "catalogue_coverage": "{:.1%}",
    "gini": "{:.3f}",
    "popularity_bias": "{:+.0%}",
}


def main() -> None:
    ratings, movies = matinee.load_dataset("ml-1m"), matinee.load_movies("ml-1m")
    train, test = matinee.split(ratings, by="user", test_size=0.2, random_state=0)
    users = test.users[test.by_user.counts > 0]
    models = {
        "ItemRidge": matinee.ItemRidge().fit(train),
        "most popular": matinee.baselines.MostPopular().fit(train),
    }
    print("|", " | ".join(["lists", "setting", *FIGURES]), "|")
    print("|", " | ".join(["---", *["---:"] * (1 + len(FIGURES))]), "|")
    for name, model in models.items():
        for share in SHARES if name == "ItemRidge" else SHARES[:1]:
            lists = model.recommend_all(users, n=K, diversity=share)
            shown(name, f"diversity={share:g}", lists, train, test, movies)
    longer = models["ItemRidge"].recommend_all(users, n=POOL)
    for strength in STRENGTHS:
        lists = matinee.calibrate(longer, train, movies, n=K, strength=strength)
        shown("ItemRidge, calibrated", f"strength={strength:g}", lists, train, test, movies)


def shown(
    name: str,
    setting: str,
    lists: pl.DataFrame,
    train: matinee.Ratings,
    test: matinee.Ratings,
    movies: matinee.Movies,
) -> None:
    found = matinee.evaluate(lists, test, k=K, train=train, genres=movies)
    cells = [text.format(getattr(found, figure)) for figure, text in FIGURES.items()]
    low, high = found.intervals["ndcg"]
    cells[0] += f" ({low:.4f} to {high:.4f})"
    print("|", " | ".join([name, setting, *cells]), "|", flush=True)


if __name__ == "__main__":
    main()
