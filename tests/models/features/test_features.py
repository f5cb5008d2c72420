import datetime
import json
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matinee import BayesianALS, DataError, Ratings
from matinee.models.features.features import MOST_CATEGORIES, FeatureColumns, FeatureTable
from matinee.models.features.side_knowledge import encode_features

KINDS = {
    "polars": pl.DataFrame,
    "lazy polars": pl.LazyFrame,
    "pandas": pd.DataFrame,
    "pandas objects": lambda columns: pd.DataFrame(columns, dtype=object),
    "arrow": pa.table,
}
PEOPLE = {
    "user": [30, 10, 20, 40],
    "age": [20.0, 30.0, 50.0, 60.0],
    "job": ["b", "a", "b", "c"],
    "likes": [["x", "y"], [], ["y", "y"], ["z", "y"]],
    "member": [True, False, False, False],
}
# By hand: age has mean 40 and deviation √250, member ¼ and √3/4; between them are a, b, c and x, y, z.
AGES = np.array([-20, -10, 10, 20]) / np.sqrt(250)
MEMBERS = np.array([3, -1, -1, -1]) / np.sqrt(3)
ENCODED = np.array(
    [
        [AGES[0], 0, 1, 0, 1, 1, 0, MEMBERS[0]],
        [AGES[1], 1, 0, 0, 0, 0, 0, MEMBERS[1]],
        [AGES[2], 0, 1, 0, 0, 1, 0, MEMBERS[2]],
        [AGES[3], 0, 0, 1, 0, 1, 1, MEMBERS[3]],
    ]
)


def dense(rows, n_features):
    matrix = np.zeros((len(rows.indptr) - 1, n_features))
    for row, (begin, end) in enumerate(zip(rows.indptr, rows.indptr[1:], strict=False)):
        columns = rows.columns[begin:end]
        assert (np.diff(columns) > 0).all()
        matrix[row, columns] = rows.values[begin:end]
    return matrix


def learned(frame, kind="user"):
    table = FeatureTable.read(frame, kind)
    return FeatureColumns.from_frame(table.frame), table


def encoded(frame):
    columns, table = learned(frame)
    return dense(columns.encode_frame(table.frame), columns.n_features)


def some_ratings(users=(10, 20, 30, 40), items=(1, 2, 3)):
    pairs = [(user, item) for user in users for item in items]
    return Ratings.from_arrays(*zip(*pairs, strict=True), np.arange(len(pairs)) % 5 + 1)


def fitted(ratings, **features):
    return BayesianALS(n_factors=2, n_samples=3, n_burn_in=1, n_threads=1).fit(
        ratings, progress=False, **features
    )


# ---- how a frame becomes features -----------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_frame_gives_the_features_worked_out_by_hand(kind):
    np.testing.assert_allclose(encoded(KINDS[kind](PEOPLE)), ENCODED, rtol=1e-6)


@pytest.mark.parametrize(
    "values",
    [
        pl.Series([1, 2, 4, 5], dtype=pl.UInt8),
        pl.Series([1, 2, 4, 5], dtype=pl.Float32),
        pl.Series(list(map(Decimal, ["1", "2", "4", "5"]))),
        pl.Series([1e308, 2e307, -2e307, -1e308]) * 1.0,
        pl.Series([1e-200, 2e-200, 4e-200, 5e-200]),
    ],
    ids=["uint8", "float32", "decimal", "huge", "tiny"],
)
def test_numbers_of_any_type_and_size_have_mean_0_and_deviation_1(values):
    found = encoded(pl.DataFrame({"user": [1, 2, 3, 4], "n": values}))[:, 0]
    numbers = np.array(values.cast(pl.Float64).to_list(), dtype=np.longdouble)
    np.testing.assert_allclose(found, ((numbers - numbers.mean()) / numbers.std()).astype(float), rtol=1e-6)


TEXTS = ["b", "a", "b", "c"]
ONE_HOT = [[0, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize(
    "column",
    [
        pl.Series(TEXTS, dtype=pl.Categorical),
        pl.Series(TEXTS, dtype=pl.Enum(["c", "b", "a", "unused"])),
        pl.Series([[each] for each in TEXTS], dtype=pl.List(pl.Categorical)),
        pl.Series([[each] for each in TEXTS], dtype=pl.List(pl.Enum(["c", "b", "a"]))),
        pl.Series([[each] for each in TEXTS], dtype=pl.Array(pl.String, 1)),
    ],
    ids=lambda column: str(column.dtype).split("(")[0],
)
def test_categories_of_polars_count_as_their_texts(column):
    np.testing.assert_array_equal(encoded(pl.DataFrame({"user": [1, 2, 3, 4], "t": column})), ONE_HOT)


@pytest.mark.parametrize(
    "column",
    [
        pd.Categorical(TEXTS, categories=["c", "unused", "b", "a"]),
        pd.array(TEXTS, dtype="string[python]"),
        pd.Series([np.array([each]) for each in TEXTS]),
        pd.Series([(each,) for each in TEXTS]),
    ],
    ids=["categorical", "string", "arrays", "tuples"],
)
def test_categories_and_lists_of_pandas_count_as_their_texts(column):
    np.testing.assert_array_equal(encoded(pd.DataFrame({"user": [1, 2, 3, 4], "t": column})), ONE_HOT)


def test_numbers_of_pandas_may_be_objects_or_nullable():
    numbers = {"mixed": pd.Series([1, 2.5, 4], dtype=object), "nullable": pd.array([1, 2, 6], "Int64")}
    found = encoded(pd.DataFrame({"user": [1, 2, 3], **numbers}))
    np.testing.assert_allclose(found[:, 0], np.array([-1, 0, 1]) * np.sqrt(1.5), atol=1e-6)
    np.testing.assert_allclose(found[:, 1], np.array([-2, -1, 3]) / np.sqrt(14 / 3), rtol=1e-6)


def test_a_value_that_comes_twice_in_a_list_is_in_one_row_only():
    lists = pl.DataFrame({"user": [1, 2], "likes": [["x", "x"], ["y"]]})
    np.testing.assert_array_equal(encoded(lists), [[1, 0], [0, 1]])


@pytest.mark.parametrize(
    "constant",
    [[7, 7, 7], [0.1, 0.1, 0.1], ["x", "x", "x"], [["x"], ["x"], ["x", "x"]], [[], [], []], [True] * 3],
    ids=str,
)
def test_what_is_the_same_everywhere_is_left_out(constant):
    frame = pl.DataFrame({"user": [1, 2, 3], "same": constant, "count": ["a", "b", "b"]}, strict=False)
    assert [column.name for column in learned(frame)[0].columns] == ["count"]
    with pytest.raises(
        DataError, match="no feature 'same' was fitted .a column with one value everywhere is left out"
    ):
        learned(frame)[0].encode_one({"same": constant[0]})
    with pytest.raises(DataError, match=r"no column of \['same'\] differs from row to row"):
        fitted(some_ratings([1, 2, 3]), user_features=frame.drop("count"))


def test_a_column_whose_deviation_no_float_holds_is_left_out():
    frame = pl.DataFrame({"user": [1, 2], "tiny": [0.0, 5e-324], "other": [0.0, 1.0]})
    assert [column.name for column in learned(frame)[0].columns] == ["other"]


def test_a_constant_is_told_from_its_values_and_not_from_a_rounded_deviation():
    tenths = np.full(1000, 0.1)
    assert tenths.std() > 0
    frame = pl.DataFrame({"user": np.arange(1000), "same": tenths, "other": np.arange(1000) % 2})
    assert [column.name for column in learned(frame)[0].columns] == ["other"]


def test_as_many_categories_as_allowed_are_features_and_one_more_is_an_error():
    ids = np.arange(MOST_CATEGORIES + 1)
    most = pl.DataFrame({"user": ids[:-1], "name": ids[:-1].astype(str)})
    assert learned(most)[0].n_features == MOST_CATEGORIES
    more = pl.DataFrame({"user": ids, "name": ids.astype(str)})
    with pytest.raises(
        DataError, match="'name' has 2,001 different values; expected at most 2,000: leave out"
    ):
        fitted(some_ratings(ids), user_features=more)


# ---- bad input ------------------------------------------------------------------------------------

IDS = {"user": [40, 30, 20, 10]}
BAD = {
    "no frame": ([1, 2], "expected a pandas, polars or Arrow frame, got list"),
    "a mapping": (IDS, "expected a pandas, polars or Arrow frame, got dict"),
    "a column": (pd.Series([1, 2], name="user"), "expected a pandas, polars or Arrow frame, got Series"),
    "only ids": (pl.DataFrame(IDS), r"user features have the columns \['user'\]; expected ids and another"),
    "no rows": (pl.DataFrame(schema={"user": pl.Int64, "f": pl.Int64}), "user features have no rows"),
    "no id": (
        pl.DataFrame({"user": [50, 60], "f": [1, 2]}),
        "user features have none of the 4 users of the ratings; expected a row for each",
    ),
    "an id twice": (pl.DataFrame({"user": [40, 30, 40], "f": [1, 2, 3]}), "have user 40 twice"),
    "a missing id": (pl.DataFrame({"user": [40, None], "f": [1, 2]}), "row 1: user is missing"),
    "a missing id of pandas": (pd.DataFrame({"user": [40, None], "f": [1, 2]}), "row 1: user is missing"),
    "ids of two types": (
        pd.DataFrame({"user": pd.Series([40, "30"], dtype=object), "f": [1, 2]}),
        "column 'user' holds values of mixed types",
    ),
    "ids of another type": (
        pl.DataFrame({"user": ["40", "30", "20", "10"], "f": [1, 2, 3, 4]}),
        "user ids are strings in the features and integers in the ratings; expected the same in both",
    ),
    "a NaN": (
        pl.DataFrame(IDS | {"f": [1.0, 2.0, np.nan, 4.0]}),
        "'f' is nan in row 2; expected a finite number",
    ),
    "a NaN of pandas": (
        pd.DataFrame(IDS | {"f": [1.0, 2.0, np.nan, 4.0]}),
        "'f' is nan in row 2; expected a finite",
    ),
    "a NaN among objects": (
        pd.DataFrame(IDS | {"f": pd.Series(["a", "b", "c", np.nan], dtype=object)}),
        "'f' is missing in row 3; expected a value in each",
    ),
    "an NA among objects": (
        pd.DataFrame(IDS | {"f": pd.Series([1, pd.NA, 3, 4], dtype=object)}),
        "'f' is missing in row 1",
    ),
    "an NA among categories": (
        pd.DataFrame(IDS | {"f": pd.Categorical(["a", None, "b", "b"])}),
        "'f' is missing in row 1",
    ),
    "a NaN in a list of pandas": (
        pd.DataFrame(IDS | {"f": [["a"], ["b", np.nan], [], []]}),
        "'f' has a null in the list of row 1; expected text",
    ),
    "a null": (pl.DataFrame(IDS | {"f": [None, 2, 3, 4]}), "'f' is missing in row 0"),
    "a null of Arrow": (pa.table(IDS | {"f": [1, 2, None, 4]}), "'f' is missing in row 2"),
    "a null text": (pl.DataFrame(IDS | {"f": ["a", "b", "b", None]}), "'f' is missing in row 3"),
    "a null list": (pl.DataFrame(IDS | {"f": [["a"], None, ["b"], []]}), "'f' is missing in row 1"),
    "a null in a list": (
        pl.DataFrame(IDS | {"f": [["a"], [], ["b", None], []]}),
        "'f' has a null in the list of row 2; expected text",
    ),
    "nothing but nulls": (pl.DataFrame(IDS | {"f": [None] * 4}), "'f' is missing in row 0"),
    "an infinity": (
        pl.DataFrame(IDS | {"f": [1.0, -np.inf, 3.0, 4.0]}),
        "'f' is -inf in row 1; expected a finite",
    ),
    "dates": (
        pl.DataFrame(IDS | {"f": [datetime.date(2000, 1, day) for day in range(1, 5)]}),
        "'f' is of type Date; expected numbers, text or lists of text",
    ),
    "times of pandas": (
        pd.DataFrame(IDS | {"f": pd.date_range("2000-01-01", periods=4, tz="Europe/Rome")}),
        "'f' is of type Datetime",
    ),
    "structs": (pl.DataFrame(IDS | {"f": [{"a": each} for each in range(4)]}), "'f' is of type Struct"),
    "lists of numbers": (pl.DataFrame(IDS | {"f": [[1], [2], [3], [4]]}), "'f' is of type List.Int64"),
    "objects": (pd.DataFrame(IDS | {"f": [object() for _ in range(4)]}), "'f' is of type Object"),
    "values of two types": (
        pd.DataFrame(IDS | {"f": pd.Series(["a", 1, 2, 3], dtype=object)}),
        "column 'f' holds values of mixed types",
    ),
    "two columns of one name": (
        pd.DataFrame([[40, 1, 2]], columns=["user", "f", "f"]),
        "2 columns are named 'f'; rename all but one",
    ),
    "numbers for names": (pd.DataFrame([[40, 1, 2]]), "a column is named 0; expected text"),
    "names of two levels": (
        pd.DataFrame([[40, 1]], columns=pd.MultiIndex.from_tuples([("user", "id"), ("f", "g")])),
        "the columns have several levels, as in .'user', 'id'.; join their names",
    ),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_fault_in_a_frame_is_named(fault):
    frame, message = BAD[fault]
    with pytest.raises(DataError, match=message):
        fitted(some_ratings(), user_features=frame)


def test_the_faults_of_an_item_frame_speak_of_items():
    ratings = some_ratings()
    with pytest.raises(DataError, match="item features have none of the 3 items of the ratings"):
        fitted(ratings, item_features=pl.DataFrame({"item": [4, 5], "f": [1, 2]}))
    with pytest.raises(DataError, match="item features have item 1 twice"):
        fitted(ratings, item_features=pl.DataFrame({"item": [1, 1], "f": [1, 2]}))


def test_rows_that_the_frame_lacks_get_the_means_of_the_others():
    ratings = some_ratings()
    frame = pl.DataFrame({"user": [40, 10, 50], "f": [1.0, 2.0, 6.0], "trade": ["cook", "cook", "poet"]})
    with pytest.warns(UserWarning, match="user features lack 2 of 5 users, the first 20; nothing is known"):
        _, (columns, features), _ = encode_features(ratings, frame, None)
    dense = np.zeros((5, columns.n_features))
    dense[np.repeat(np.arange(5), features.counts), features.columns] = features.values
    known = [0, 3, 4]  # of 10, 20, 30, 40 and 50
    np.testing.assert_allclose(dense[known, 1:], [[1, 0], [1, 0], [0, 1]])
    np.testing.assert_allclose(dense[[1, 2]], np.tile(dense[known].mean(axis=0), (2, 1)), atol=1e-6)


def test_integers_for_ratings_of_string_ids_are_refused_even_where_they_read_the_same():
    ratings = some_ratings(["1", "2"], ["1", "2"])
    integers = {"user": [1, 2, 3], "item": [1, 2, 3], "f": [1, 2, 3]}
    for kind in ("user", "item"):
        frame = pl.DataFrame(integers).select(kind, "f")
        message = f"{kind} ids are integers in the features and strings in the ratings"
        with pytest.raises(DataError, match=message):
            fitted(ratings, **{f"{kind}_features": frame})


# ---- newcomers ------------------------------------------------------------------------------------


def test_a_newcomer_like_a_row_has_the_features_of_the_row():
    columns, table = learned(pl.DataFrame(PEOPLE))
    for row, features in enumerate(table.frame.iter_rows(named=True)):
        found = dense(columns.encode_one(features), columns.n_features)
        np.testing.assert_allclose(found[0], ENCODED[row], rtol=1e-6)


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ({}, {}),
        ({"job": "c"}, {3: 1}),
        ({"job": "never seen"}, {}),
        ({"likes": ("z", "never seen", "x", "x")}, {4: 1, 6: 1}),
        ({"likes": "y", "job": np.str_("a")}, {1: 1, 5: 1}),
        ({"age": 40 + np.sqrt(250)}, {0: 1}),
        ({"age": np.int16(40), "member": np.True_}, {0: 0, 7: np.sqrt(3)}),
        ({"age": Decimal("40"), "member": False}, {0: 0, 7: -1 / np.sqrt(3)}),
    ],
    ids=str,
)
def test_a_newcomer_has_what_is_given_and_nothing_else(features, expected):
    columns, _ = learned(pl.DataFrame(PEOPLE))
    row = columns.encode_one(features)
    assert row.columns.tolist() == list(expected)
    np.testing.assert_allclose(row.values, list(expected.values()), rtol=1e-6)
    assert [array.dtype for array in row[:3]] == [np.int64, np.int32, np.float32]


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"height": 2}, "no feature 'height' was fitted .*; expected some of age, job, likes, member"),
        ({"user": 3}, "no feature 'user' was fitted"),
        ([("age", 3)], "expected features as {name: value, …}, got list"),
        ({"age": "40"}, "'age' is '40'; expected a finite number"),
        ({"age": None}, "'age' is None; expected a finite number"),
        ({"age": np.nan}, "'age' is nan; expected a finite number"),
        ({"age": np.float32(np.inf)}, "'age' is .*inf.*; expected a finite number"),
        ({"age": 10**400}, "'age' is 10000.*; expected a finite number"),
        ({"age": np.complex64(1)}, "'age' is .*; expected a finite number"),
        ({"age": [40]}, r"'age' is \[40\]; expected a finite number"),
        ({"age": -1e300}, "'age': -1e.300 is too far from the 40 ± 15.8114 of the fit"),
        ({"job": 3}, "'job' is 3; expected text, or a list of texts"),
        ({"job": None}, "'job' is None; expected text"),
        ({"job": b"a"}, "'job' is b'a'; expected text"),
        ({"likes": ["x", None]}, r"'likes' is \['x', None\]; expected text"),
        ({"likes": {"x": 1}}, "'likes' is {'x': 1}; expected text"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_fault_of_a_newcomer_is_named(features, message):
    columns, _ = learned(pl.DataFrame(PEOPLE))
    with pytest.raises(DataError, match=message):
        columns.encode_one(features)


def test_features_of_a_newcomer_need_features_in_the_fit():
    with pytest.raises(DataError, match="the model was fitted without user_features"):
        fitted(some_ratings()).fold_in({}, features={"age": 3})


@given(
    numbers=st.lists(st.floats(-1e6, 1e6, width=32), min_size=3, max_size=3),
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=3), min_size=3, max_size=3),
    lists=st.lists(st.lists(st.sampled_from("xyz"), max_size=4), min_size=3, max_size=3),
)
def test_what_was_learned_comes_back_the_same_from_a_model_file(numbers, texts, lists):
    columns = {"user": [1, 2, 3], "n": numbers, "t": texts, "l": lists, "always": [0, 1, 2]}
    frame = pl.DataFrame(columns, schema_overrides={"l": pl.List(pl.String)})
    before, table = learned(frame)
    after = FeatureColumns.from_list(json.loads(json.dumps(before.to_list())))
    assert after.columns == before.columns
    assert after.n_features == before.n_features
    for one, other in zip(before.encode_frame(table.frame), after.encode_frame(table.frame), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("mean", "deviation"), [(0.0, 0.0), (0.0, -1.0), (np.nan, 1.0), (0.0, np.inf), (np.inf, 1.0)]
)
def test_a_column_that_no_fit_could_have_learned_is_refused(mean, deviation):
    with pytest.raises(DataError, match="feature 'age' has mean"):
        FeatureColumns.from_list([{"name": "age", "mean": mean, "deviation": deviation}])


# ---- in a model -----------------------------------------------------------------------------------


def test_the_order_of_the_rows_and_the_kind_of_ids_and_frame_change_nothing():
    texts = [f"u{user}" for user in PEOPLE["user"]]  # type: ignore[attr-defined]
    expected = fitted(some_ratings(), user_features=pl.DataFrame(PEOPLE)).user_factors_
    shuffled = pl.DataFrame(PEOPLE).sort("age", descending=True)
    named = some_ratings([f"u{user}" for user in (10, 20, 30, 40)])
    for ratings, frame in [
        (some_ratings(), shuffled),
        (some_ratings(), shuffled.rename({"user": "whoever"})),
        (some_ratings(), pd.DataFrame(PEOPLE)),
        (some_ratings(), pa.table(PEOPLE)),
        (named, pd.DataFrame(PEOPLE | {"user": texts})),
        (named, pl.DataFrame(PEOPLE | {"user": texts}).with_columns(pl.col("user").cast(pl.Categorical))),
    ]:
        np.testing.assert_array_equal(fitted(ratings, user_features=frame).user_factors_, expected)


def planted(names):
    """Ratings that the features explain: 3 + the item's and ½ the user's, of +1 or −1 each, and noise.

    Items from the 40th on and users from the 60th on have features and no rating.
    """
    generator = np.random.default_rng(5)
    users, items = np.arange(70), np.arange(50)
    of_users, of_items = np.where(users % 2, 1, -1), np.where(items % 3, 1, -1)
    rows, columns = np.nonzero(generator.random((60, 40)) < 0.5)
    values = 3 + of_items[columns] + 0.5 * of_users[rows] + 0.2 * generator.normal(size=len(rows))
    user_ids, item_ids = (np.array([names(each) for each in ids.tolist()]) for ids in (users, items))
    frames = {
        "user_features": pl.DataFrame({"user": user_ids, "side": np.where(of_users > 0, "left", "right")}),
        "item_features": pd.DataFrame({"item": item_ids, "height": of_items * 7.0 + 100}),
    }
    truth = 3 + of_items[None, :] + 0.5 * of_users[:, None]
    return Ratings.from_arrays(user_ids[rows], item_ids[columns], values), frames, user_ids, item_ids, truth


@pytest.mark.parametrize("names", [lambda n: n * 3 - 50, "id {:03}".format], ids=["integers", "strings"])
def test_users_and_items_without_a_rating_are_predicted_from_their_features(names):
    ratings, frames, users, items, truth = planted(names)
    model = BayesianALS(n_factors=2, n_samples=60, n_burn_in=20, random_state=1, n_threads=1)
    model.fit(ratings, progress=False, **frames)
    assert sorted(model.user_index_.ids.tolist()) == sorted(users.tolist())
    assert sorted(model.item_index_.ids.tolist()) == sorted(items.tolist())
    predicted = model.predict(np.repeat(users[60:], 10), np.tile(items[40:], 10), unknown="raise")
    clipped = np.clip(truth[60:, 40:], *model.rating_range_)
    np.testing.assert_allclose(predicted.reshape(10, 10), clipped, atol=0.25)
    newcomer = model.fold_in({}, features={"side": "left"})
    np.testing.assert_allclose(newcomer.predict(items), np.clip(truth[1], *model.rating_range_), atol=0.25)


def test_ids_that_only_the_features_have_leave_the_ratings_as_they_were():
    ratings = Ratings.from_arrays([1, 2, 2], [5, 5, 6], [1.0, 2.0, 3.0], timestamps=[7, 8, None])
    frame = pl.DataFrame({"user": [9, 2, 1, 0], "f": [1, 2, 3, 4]})
    model = fitted(ratings, user_features=frame)
    assert model.user_index_.ids.tolist() == [0, 1, 2, 9]
    assert model.item_index_.ids.tolist() == [5, 6]
    assert [array.tolist() for array in model.rated_[:3]] == [[0, 0, 1, 3, 3], [0, 0, 1], [1, 2, 3]]


def test_large_ids_stay_exact_beside_those_of_features():
    large = 2**63 + 11
    ratings = some_ratings([1, 2**53 + 1])
    frame = pl.DataFrame({"user": pl.Series([large, 2**53 + 1, 1], dtype=pl.UInt64), "f": [1, 2, 3]})
    assert fitted(ratings, user_features=frame).user_index_.ids.tolist() == [1, 2**53 + 1, large]
