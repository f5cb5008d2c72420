"""Matinee's ranking of a large catalogue, in bytes first or in single precision alone."""

import numpy as np
from catalogue_job import Search, search_speed
from job import answer

from matinee import __version__
from matinee.solving.ranking import Ranker
from matinee.solving.row_problem import Side


def search(job: dict) -> dict:
    def build(items: np.ndarray) -> Search:
        ranker = Ranker(Side(items, None), rounds=job.get("rounds", True))
        return lambda queries: ranker.best(Side(queries, None), job["n"], n_threads=job["threads"])[0]

    return search_speed(job, build)


if __name__ == "__main__":
    answer(__version__, search=search)
