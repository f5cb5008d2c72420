"""Frames of any library are taken, and what is no frame is told how to become ratings."""

import io

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp

import matinee
from matinee import ALS, DataError, Ratings, UnknownUserError

COLUMNS = {"user": [1, 2], "item": ["a", "b"], "rating": [3.0, 4.0]}
ROWS = [(1, "a", 3.0), (2, "b", 4.0)]


class Capsule:
    """What has the PyCapsule interface of Arrow and nothing else."""

    def __arrow_c_stream__(self, requested_schema=None):
        return pa.table(COLUMNS).__arrow_c_stream__(requested_schema)


class HuggingFace:
    """A dataset as Hugging Face's library makes it, of which only the way to polars matters here."""

    column_names = tuple(COLUMNS)

    def to_polars(self):
        return pl.DataFrame(COLUMNS)


class DuckRelation:
    def to_arrow_table(self):
        return pa.table(COLUMNS)


@pytest.mark.parametrize(
    "frame",
    [
        Capsule(),
        HuggingFace(),
        DuckRelation(),
        pa.table(COLUMNS).to_batches()[0],
        pa.RecordBatchReader.from_batches(pa.table(COLUMNS).schema, pa.table(COLUMNS).to_batches()),
        pl.LazyFrame(COLUMNS),
        pd.DataFrame(COLUMNS, index=[7, 7]),
    ],
    ids=lambda frame: type(frame).__name__,
)
def test_what_can_become_a_frame_is_one(frame):
    assert Ratings.from_frame(frame).to_frame().rows() == ROWS


WIDE = pd.DataFrame(np.eye(3), index=[1, 2, 3], columns=["10", "20", "30"])
LEVELS = pd.DataFrame({("a", "user"): [1], ("a", "item"): [2], ("b", "rating"): [3]})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("ratings.csv", r"got str; read a file with matinee\.read_ratings\(path\)"),
        (pd.Series([1]), "got Series, a single column; give the whole frame"),
        (pl.Series([1]), "got Series, a single column; give the whole frame"),
        ((row for row in ROWS), r"got generator; give columns to Ratings\.from_arrays"),
        (ROWS, r"got list; give columns to Ratings\.from_arrays"),
        (COLUMNS, r"got dict; make a frame of it first"),
        (
            {"train": HuggingFace(), "test": HuggingFace()},
            "got dict; choose one of its parts, 'train', 'test'",
        ),
        (sp.csr_array(np.eye(2)), r"got csr_array; make ratings of a sparse matrix with Ratings\.from_csr"),
        (np.eye(3), r"got ndarray; give its columns to Ratings\.from_arrays"),
        (None, "got NoneType"),
        (pd.concat([pd.DataFrame(COLUMNS)] * 2, axis=1), "2 columns are named 'user'; rename all but one"),
        (LEVELS, r"the columns have several levels, as in \('a', 'user'\); join their names first"),
        (
            WIDE,
            "no column 'user'; the columns are '10', '20', '30'; if there is a column for each item, melt",
        ),
        (
            pl.from_pandas(WIDE),
            "the columns are '10', '20', '30'; if there is a column for each item, melt it",
        ),
    ],
    ids=lambda given: type(given).__name__,
)
def test_what_is_no_frame_is_told_how_to_become_ratings(given, message):
    with pytest.raises(DataError, match=message) as caught:
        Ratings.from_frame(given)
    assert "narwhals" not in str(caught.value)
    assert "Unsupported" not in str(caught.value)


def test_the_remedy_for_a_pivoted_frame_gives_its_ratings():
    frame = WIDE.where(WIDE > 0)
    melted = (
        frame.rename_axis("user").reset_index().melt("user", var_name="item", value_name="rating").dropna()
    )
    assert Ratings.from_frame(melted).to_frame().rows() == [(1, "10", 1.0), (2, "20", 1.0), (3, "30", 1.0)]


def test_a_column_that_is_named_by_a_number_is_refused():
    with pytest.raises(DataError, match="a column is named 10; expected text"):
        Ratings.from_frame(WIDE.rename(columns=int), user=10, item=20, rating=30)


@pytest.mark.parametrize(
    "column", [(x for x in [1]), 1, None, "1", {1}, {1: 2}], ids=lambda one: type(one).__name__
)
@pytest.mark.parametrize("place", range(3))
def test_what_is_no_column_is_refused(column, place):
    columns = [[1], [1], [1]]
    columns[place] = column
    with pytest.raises(
        DataError, match="(users|items|values): expected a column, such as a list or an array, got"
    ):
        Ratings.from_arrays(*columns)


@pytest.fixture(scope="module")
def model():
    return ALS(n_factors=2, n_iterations=1).fit(Ratings.from_arrays([1, 2], [1, 2], [1, 2]))


@pytest.mark.parametrize("users", [[1, 2], np.array([1, 2]), (1,)], ids=lambda users: type(users).__name__)
def test_many_users_where_one_is_expected_are_pointed_to_recommend_all(model, users):
    with pytest.raises(
        UnknownUserError, match=r"expected the id of one user, got a .*; recommend_all\(users\)"
    ):
        model.recommend(users)


def test_what_is_no_ratings_is_told_what_makes_them():
    with pytest.raises(DataError, match=r"got csr_array; make them with matinee\.Ratings\.from_csr"):
        ALS().fit(sp.csr_array(np.eye(2)))
    with pytest.raises(DataError, match=r"got DataFrame; make them with matinee\.Ratings\.from_frame"):
        ALS().fit(pd.DataFrame(COLUMNS))


def test_a_model_goes_to_a_path_and_comes_from_one(model):
    for call in (model.save, matinee.load):
        with pytest.raises(DataError, match="expected the path of a file, got BytesIO"):
            call(io.BytesIO())
