"""Large memory that kernels give back is used again, by one array at a time, and little of it is kept."""

from __future__ import annotations

import gc
import resource
from pathlib import Path

import numpy as np
import pytest

from matinee.ratings import Rows

MIB = 1 << 20


def rows(n: int) -> Rows:
    """Rows of one entry, each in the next of 1,000 columns."""
    columns = (np.arange(n) % 1000).astype(np.int32)
    return Rows(np.arange(n + 1), columns, np.arange(n, dtype=np.float32))


def test_an_array_takes_the_place_of_one_that_is_gone() -> None:
    given = rows(1_000_000)
    first = given.transposed(1000)
    places = {first.columns.ctypes.data, first.values.ctypes.data}
    expected = first.values.copy()
    del first
    gc.collect()
    again = given.transposed(1000)
    assert {again.columns.ctypes.data, again.values.ctypes.data} == places
    assert np.array_equal(again.values, expected)
    # Both are in use now, and so is what is made of them.
    third = given.transposed(1000)
    assert not places & {third.columns.ctypes.data, third.values.ctypes.data}
    third.values[:] = -1
    assert np.array_equal(again.values, expected)


def test_an_array_does_not_take_a_place_twice_as_large_or_too_small() -> None:
    large = rows(3_000_000).transposed(1000)
    places = {large.columns.ctypes.data, large.values.ctypes.data}
    del large
    gc.collect()
    for n in (1_000_000, 4_000_000):
        other = rows(n).transposed(1000)
        assert not places & {other.columns.ctypes.data, other.values.ctypes.data}
        del other
        gc.collect()


STATM = Path("/proc/self/statm")


def resident_bytes() -> int:
    return int(STATM.read_text().split()[1]) * resource.getpagesize()


@pytest.mark.skipif(
    not STATM.exists(), reason="needs Linux, whose /proc says how much memory a process holds"
)
def test_what_is_kept_does_not_grow() -> None:
    before = resident_bytes()
    for n in (8_000_000, 9_000_000, 12_000_000, 16_000_000, 20_000_000):
        made = rows(n).transposed(1000)
        del made
    gc.collect()
    assert resident_bytes() - before < 64 * MIB + 40 * MIB
