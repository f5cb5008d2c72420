"""Matinee's ``read_ratings``."""

from job import answer, timed

import matinee


def read(job: dict) -> dict:
    return {"seconds": timed(matinee.read_ratings, job["path"])}


if __name__ == "__main__":
    answer(matinee.__version__, read=read)
