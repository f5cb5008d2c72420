"""Ratings: ids and their positions, rows by user and by item, columns of frames, descriptions, splits."""

from matinee.ratings.contexts import Contexts
from matinee.ratings.duplicates import Duplicates
from matinee.ratings.merging import MergedRatings, merge_ratings
from matinee.ratings.ratings import Ratings, check_ratings
from matinee.ratings.rows import Rows, same_rows
from matinee.ratings.times import UNKNOWN_TIME

__all__ = [
    "UNKNOWN_TIME",
    "Contexts",
    "Duplicates",
    "MergedRatings",
    "Ratings",
    "Rows",
    "check_ratings",
    "merge_ratings",
    "same_rows",
]
