"""Which ratings are held out."""

from __future__ import annotations

import polars as pl

import matinee
from matinee.web.jobs.held_out import is_held_out


def test_what_is_held_out_is_a_tenth_and_the_same_whatever_else_there_is() -> None:
    ratings = matinee.load_dataset("demo")
    held_out = is_held_out(ratings)
    assert 0.09 < held_out.mean() < 0.11
    part = ratings.subset(ratings.user_positions % 3 == 0).to_frame()
    again = matinee.Ratings.from_frame(part)
    pairs = ratings.to_frame().with_columns(held=held_out)
    both = again.to_frame().with_columns(held_again=is_held_out(again)).join(pairs, on=["user", "item"])
    assert (both["held"] == both["held_again"]).all()
    by_user = pairs.group_by("user").agg(pl.col("held").mean())["held"].to_numpy()
    assert by_user.std() < 0.1
