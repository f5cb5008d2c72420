import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from matinee.ratings import Rows

N_COLUMNS = 5
# For each row its columns and values; a row may be empty.
row = st.dictionaries(st.integers(0, N_COLUMNS - 1), st.integers(-4, 4))


def rows_of(rows):
    entries = [sorted(row.items()) for row in rows]
    indptr = np.cumsum([0, *map(len, entries)], dtype=np.int64)
    columns = np.array([column for row in entries for column, _ in row], dtype=np.int32)
    values = np.array([value for row in entries for _, value in row], dtype=np.float32)
    return Rows(indptr, columns, values)


def lists_of(rows):
    """Each row as a list of (column, value), read by the definition of the format."""
    bounds = zip(rows.indptr[:-1], rows.indptr[1:], strict=True)
    return [
        list(zip(rows.columns[begin:end].tolist(), rows.values[begin:end].tolist(), strict=True))
        for begin, end in bounds
    ]


def assert_well_formed(rows):
    assert [array.dtype for array in rows[:3]] == [np.int64, np.int32, np.float32]
    assert rows.weights is None or (rows.weights.dtype, rows.weights.shape) == (np.float32, rows.values.shape)
    assert rows.indptr[0] == 0
    assert rows.indptr[-1] == len(rows.columns) == len(rows.values)


EMPTY = rows_of([])
THREE = rows_of([{1: 2, 4: 1}, {}, {0: 3}])


@given(st.lists(row, max_size=6))
def test_rows_know_how_many_they_are_and_how_many_entries_each_has(dictionaries):
    rows = rows_of(dictionaries)
    assert rows.n_rows == len(dictionaries)
    assert rows.counts.tolist() == [len(row) for row in dictionaries]
    assert rows.counts.dtype == np.int64


@given(st.lists(row, min_size=1, max_size=6), st.data())
def test_picked_rows_are_those_that_scipy_picks(dictionaries, data):
    rows = rows_of(dictionaries)
    chosen = data.draw(st.lists(st.integers(0, rows.n_rows - 1), max_size=10))
    shape = (rows.n_rows, N_COLUMNS)
    expected = sp.csr_array((rows.values, rows.columns, rows.indptr), shape=shape)[np.array(chosen, int)]
    picked = rows.pick(chosen)
    assert_well_formed(picked)
    assert picked.indptr.tolist() == expected.indptr.tolist()
    assert picked.columns.tolist() == expected.indices.tolist()
    assert picked.values.tolist() == expected.data.tolist()


def test_picked_rows_come_in_the_order_of_the_positions_and_as_often():
    first, second, third = lists_of(THREE)
    assert lists_of(THREE.pick([2, 0, 2, 1])) == [third, first, third, second]
    assert lists_of(THREE.pick([0])) == [first]


def test_position_minus_one_picks_an_empty_row_and_not_the_last():
    first, _, third = lists_of(THREE)
    assert lists_of(THREE.pick(np.array([-1, 2, -1, 0], dtype=np.int32))) == [[], third, [], first]
    assert lists_of(EMPTY.pick([-1, -1])) == [[], []]


def test_no_position_picks_no_row():
    for rows in (THREE, EMPTY):
        assert_well_formed(rows.pick([]))
        assert rows.pick([]).n_rows == 0


def test_a_position_past_the_last_row_is_an_error():
    with pytest.raises(IndexError):
        THREE.pick([3])
    with pytest.raises(IndexError):
        EMPTY.pick([0])


@given(st.lists(row, max_size=6), st.data())
def test_kept_entries_stay_in_their_rows(dictionaries, data):
    rows = rows_of(dictionaries)
    n_entries = len(rows.columns)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=n_entries, max_size=n_entries)), dtype=bool)
    answers = iter(mask.tolist())
    expected = [[entry for entry in row if next(answers)] for row in lists_of(rows)]
    kept = rows.keep(mask)
    assert_well_formed(kept)
    assert lists_of(kept) == expected


def test_a_mask_without_a_true_leaves_every_row_empty():
    kept = THREE.keep(np.zeros(3, dtype=bool))
    assert_well_formed(kept)
    assert lists_of(kept) == [[], [], []]


@pytest.mark.parametrize("length", [2, 4])
def test_a_mask_of_another_length_is_an_error(length):
    with pytest.raises(IndexError):
        THREE.keep(np.ones(length, dtype=bool))


def test_what_is_picked_or_kept_can_be_changed_without_changing_the_rows():
    rows = rows_of([{1: 2, 4: 1}, {0: 3}])
    for made in (rows.pick([0, 1]), rows.keep(np.ones(3, dtype=bool))):
        made.columns[:], made.values[:], made.indptr[:] = 0, 0, 0
    assert lists_of(rows) == [[(1, 2.0), (4, 1.0)], [(0, 3.0)]]


@given(st.lists(row, max_size=6))
def test_picking_every_row_and_keeping_every_entry_change_nothing(dictionaries):
    rows = rows_of(dictionaries)
    everything = np.ones(len(rows.columns), dtype=bool)
    assert lists_of(rows.pick(np.arange(rows.n_rows))) == lists_of(rows)
    assert lists_of(rows.keep(everything)) == lists_of(rows)


@given(st.lists(row, max_size=6))
def test_the_entries_by_column_are_those_of_each_column(rows):
    given_rows = rows_of(rows)
    found = given_rows.transposed(N_COLUMNS)
    assert_well_formed(found)
    assert found.n_rows == N_COLUMNS
    expected = [
        [(place, one[column]) for place, one in enumerate(rows) if column in one]
        for column in range(N_COLUMNS)
    ]
    assert lists_of(found) == expected


def test_empty_rows_have_no_entries():
    empty = Rows.empty(3)
    assert_well_formed(empty)
    assert lists_of(empty) == [[], [], []]


def many_rows(generator, n_rows, n_columns, density, *, weighted):
    """More than one thread takes at a time, with empty rows at both ends and one that is full."""
    held = generator.random((n_rows, n_columns)) < density
    held[[0, -1]], held[n_rows // 3] = False, True
    matrix = sp.csr_matrix(held)
    n = matrix.nnz
    values = generator.integers(1, 10, n).astype(np.float32)
    weights = generator.random(n).astype(np.float32) if weighted else None
    return Rows(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), values, weights)


def assert_same(one, other):
    for found, expected in zip(one, other, strict=True):
        assert (found is None) == (expected is None)
        assert found is None or np.array_equal(found, expected)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_threads", [2, 3, 8])
def test_rows_by_column_are_the_same_with_any_number_of_threads(n_threads, weighted):
    rows = many_rows(np.random.default_rng(0), 1_500, 700, 0.3, weighted=weighted)
    by_column = rows.transposed(700, n_threads=n_threads)
    assert_same(by_column, rows.transposed(700))
    expected = sp.csr_matrix((rows.values, rows.columns, rows.indptr), shape=(1_500, 700)).T.tocsr()
    assert np.array_equal(by_column.indptr, expected.indptr)
    assert np.array_equal(by_column.columns, expected.indices)
    assert np.array_equal(by_column.values, expected.data)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_threads", [2, 3, 8])
def test_merged_rows_are_the_same_with_any_number_of_threads(n_threads, weighted):
    generator = np.random.default_rng(1)
    new_columns = np.sort(generator.choice(800, 700, replace=False)).astype(np.int64)
    earlier = many_rows(generator, 1_500, 700, 0.3, weighted=weighted)
    # Most of the later entries replace none, and some do, in every thread's rows.
    later = many_rows(generator, 1_500, 800, 0.02, weighted=False)
    merged = earlier.merged(later, new_columns, n_threads=n_threads)
    assert_same(merged, earlier.merged(later, new_columns))
    dense = np.zeros((1_500, 800), np.float32)
    for rows, columns in ((earlier, new_columns[earlier.columns]), (later, later.columns)):
        dense[np.repeat(np.arange(1_500), rows.counts), columns] = rows.values
    expected = sp.csr_matrix(dense)
    assert np.array_equal(merged.indptr, expected.indptr)
    assert np.array_equal(merged.columns, expected.indices)
    assert np.array_equal(merged.values, expected.data)
