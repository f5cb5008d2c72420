"""Measures how long a search in the titles of 60,000 films takes, without the server.

Titles are made from words of the built-in cinema's titles. Queries are shortened words of a title, in any
order; then whole titles with two letters too few.

    python benchmarks/searching.py
"""

from __future__ import annotations

import random
import time

import numpy as np

import matinee
from matinee.web.cinema.catalogue import Catalogue
from matinee.web.cinema.films import Film

N_FILMS, N_QUERIES, N_MISTYPED = 60_000, 5_000, 2_000
SHORTEST = ["", "a", "s", "t", "th", "the", "the a"]


def main() -> None:
    """Print the quantiles of the milliseconds per search."""
    draw = random.Random(0)
    movies = list(matinee.load_movies("demo").values())
    words = sorted({word for movie in movies for word in movie.title.split()})
    titles = [" ".join(draw.choices(words, k=draw.randint(1, 5))) for _ in range(N_FILMS)]
    films = [
        Film(
            str(place),
            title,
            1920 + place % 105,
            movies[place % len(movies)].genres,
            N_FILMS // (place + 1),
            place,
        )
        for place, title in enumerate(titles)
    ]
    catalogue = Catalogue(films)
    queries = []
    for title in draw.choices(titles, k=N_QUERIES):
        chosen = draw.sample(title.split(), k=draw.randint(1, len(title.split())))
        queries.append(" ".join(chosen)[: draw.randint(1, len(title))])
    mistyped = [without_two_letters(draw, title) for title in draw.choices(titles, k=N_MISTYPED)]
    for name, asked in (("as they are", [*queries, *SHORTEST]), ("mistyped", mistyped)):
        taken = np.array([milliseconds(catalogue, query) for query in asked])
        quantiles = (
            f"p50 {np.median(taken):.2f}  p99 {np.quantile(taken, 0.99):.2f}  max {taken.max():.2f} ms"
        )
        print(f"{name}: {quantiles}")


def without_two_letters(draw: random.Random, title: str) -> str:
    letters = list(title)
    for _ in range(min(2, len(letters) - 1)):
        letters.pop(draw.randrange(len(letters)))
    return "".join(letters)


def milliseconds(catalogue: Catalogue, query: str) -> float:
    began = time.perf_counter()
    catalogue.search(query)
    return 1000 * (time.perf_counter() - began)


if __name__ == "__main__":
    main()
