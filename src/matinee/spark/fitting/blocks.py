"""Blocks of ratings: each holds the rows of some users or some items, as an Arrow batch that Spark caches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark import RDD
from pyspark.sql import DataFrame

from matinee.ratings import Rows
from matinee.ratings.duplicates import Duplicates, merge
from matinee.spark.arrow_batches import gathered, pack, unpack
from matinee.spark.fitting.encoding import DriverEncoding, positions_of
from matinee.spark.fitting.layout import Layout
from matinee.spark.fitting.portions import Portions, ids_in, source_of


@dataclass(frozen=True)
class Block:
    """The ratings of a block's rows.

    Attributes
    ----------
    rows : Rows
        The rows in the order of the block. Their columns are positions of the other side or, if there is
        ``needed``, places in ``needed``.
    needed : ndarray of int32, shape (n_needed,), or None
        The positions of the other side that occur, ascending: the block can be solved once their factors
        are here.
    """

    rows: Rows
    needed: NDArray[np.int32] | None = None

    @classmethod
    def of(cls, rows: Rows, *, routed: bool) -> Block:
        """A block of rows whose columns are positions of the other side."""
        if not routed:
            return cls(rows)
        needed, places = np.unique(rows.columns, return_inverse=True)
        return cls(rows._replace(columns=places.astype(np.int32)), needed)

    @property
    def columns(self) -> NDArray[np.int32]:
        """The position of each rating on the other side."""
        columns: NDArray[np.int32] = self.rows.columns
        return columns if self.needed is None else self.needed[columns]

    def to_bytes(self) -> bytes:
        """The block as an Arrow batch: 8 bytes a rating and row, 4 a weight and a needed position."""
        optional = {"needed": self.needed, "weights": self.rows.weights}
        given = {name: array for name, array in optional.items() if array is not None}
        return pack(indptr=self.rows.indptr, columns=self.rows.columns, values=self.rows.values, **given)

    @classmethod
    def from_bytes(cls, packed: bytes) -> Block:
        """The block in a batch, without a copy."""
        arrays = unpack(packed)
        rows = Rows(arrays["indptr"], arrays["columns"], arrays["values"], arrays.get("weights"))
        return cls(rows, arrays.get("needed"))


@dataclass(frozen=True)
class Census:
    """What a fit needs to know about all ratings.

    Attributes
    ----------
    n_ratings, n_duplicates : int
        How many ratings there are after duplicates were merged, and how many the merging removed.
    weight : float
        The sum of the weights, which without weights is the number of ratings.
    total, low, high : float
        The sum of the ratings, each as often as its weight says, the least and the greatest.
    """

    n_ratings: int
    n_duplicates: int
    weight: float
    total: float
    low: float
    high: float

    @property
    def mean(self) -> float:
        """The mean rating, each as often as its weight says."""
        return self.total / self.weight

    def __add__(self, other: Census) -> Census:
        return Census(
            self.n_ratings + other.n_ratings,
            self.n_duplicates + other.n_duplicates,
            self.weight + other.weight,
            self.total + other.total,
            min(self.low, other.low),
            max(self.high, other.high),
        )


def parts_of_pairs(pairs: DataFrame, users: Layout) -> RDD[tuple[int, bytes]]:
    """The result of `encoded_pairs` in parts, each with the number of its block of users."""

    def split(batches: Iterator[Any]) -> Iterator[Any]:
        for table in gathered(batches):
            user, item = positions_of(table["pair"].to_numpy())
            block, row = users.locate(user)
            arrays = {
                "row": row,
                "column": item,
                "value": table["rating"].to_numpy(),
                "order": table["order"].to_numpy(),
            }
            if "weight" in table.column_names:
                arrays["weight"] = table["weight"].to_numpy()
            yield _numbered(parts_by_block(block, arrays))

    return _parts(pairs, split)


def parts_of_portions(
    portions: Portions, users: DriverEncoding, items: DriverEncoding, layout: Layout
) -> RDD[tuple[int, bytes]]:
    """The same of ratings whose ids the driver holds, and now sends to all tasks.

    Instead of an order, the parts have a source, and are in the order of their rows.
    """
    context = users.spark.sparkContext
    sent = context.broadcast((users.table.ids, items.table.ids))

    def split(batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            for *tables, packed in zip(*batch.columns, strict=True):
                user, item = (
                    pc.index_in(ids_in(table), every).to_numpy()
                    for table, every in zip(tables, sent.value, strict=True)
                )
                block, row = layout.locate(user)
                given = unpack(packed.as_buffer())
                arrays = {
                    "row": row[given["user"]],
                    "column": item[given["item"]],
                    "value": given["rating"],
                }
                if "weight" in given:
                    arrays["weight"] = given["weight"]
                yield _numbered(parts_by_block(block[given["user"]], arrays, source=given["source"]))

    return _parts(portions.table.select("users", "items", "ratings"), split)


def _numbered(parts: Iterator[tuple[int, bytes]]) -> Any:
    """Parts and the numbers of their blocks as an Arrow batch."""
    numbers, packed = zip(*parts, strict=True)
    return pa.record_batch({"block": pa.array(numbers, pa.int32()), "part": pa.array(packed, pa.binary())})


def _parts(frame: DataFrame, split: Callable[[Iterator[Any]], Iterator[Any]]) -> RDD[tuple[int, bytes]]:
    rows = frame.mapInArrow(split, "block int, part binary").rdd
    return rows.map(lambda row: (int(row[0]), bytes(row[1])))


def user_blocks(
    parts: RDD[tuple[int, bytes]], users: Layout, n_items: int, *, duplicates: Duplicates, routed: bool
) -> RDD[bytes]:
    """The ratings in blocks of users: partition p holds block p alone.

    Parameters
    ----------
    parts : RDD of (int, bytes)
        The result of `parts_of_pairs` or `parts_of_portions`.
    users : Layout
    n_items : int
    duplicates : {"last", "first", "mean", "sum"}
    routed : bool
        Whether each block gets only those factors of the items that it needs.
    """

    def build(number: int, parts: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
        arrays = _joined(part for _, part in parts)
        rows = _deduplicated(arrays, len(users.rows_of(number)), n_items, duplicates)
        yield Block.of(rows, routed=routed).to_bytes()

    return parts.partitionBy(users.n_blocks, itself).mapPartitionsWithIndex(build, preservesPartitioning=True)


def observed_blocks(by_user: RDD[bytes], observe: Callable[[Rows], Rows]) -> RDD[bytes]:
    """The blocks of users with the values of the row problem in place of the ratings."""

    def observed(packed: bytes) -> bytes:
        block = Block.from_bytes(packed)
        return replace(block, rows=observe(block.rows)).to_bytes()

    return by_user.map(observed)


def item_blocks(by_user: RDD[bytes], users: Layout, items: Layout, *, routed: bool) -> RDD[bytes]:
    """The same ratings in blocks of items, made from the blocks of users."""

    def split(number: int, blocks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
        for packed in blocks:
            block = Block.from_bytes(packed)
            user = np.repeat(users.rows_of(number).astype(np.int32), np.diff(block.rows.indptr))
            target, row = items.locate(block.columns)
            arrays = {"row": row, "column": user, "value": block.rows.values}
            if block.rows.weights is not None:
                arrays["weight"] = block.rows.weights
            yield from parts_by_block(target, arrays)

    def build(number: int, parts: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
        arrays = _joined(part for _, part in parts)
        rows = _sorted_rows(arrays, len(items.rows_of(number)), users.n_rows)
        yield Block.of(rows, routed=routed).to_bytes()

    return (
        by_user.mapPartitionsWithIndex(split)
        .partitionBy(items.n_blocks, itself)
        .mapPartitionsWithIndex(build, preservesPartitioning=True)
    )


def census_of(by_user: RDD[bytes], n_rows: int) -> Census:
    """The census of all blocks of users.

    Parameters
    ----------
    n_rows : int
        How many ratings there were before duplicates were merged.
    """

    def count(packed: bytes) -> Census:
        rows = Block.from_bytes(packed).rows
        values, weights = rows.values, rows.weights
        # A block without ratings must not change either end of the range.
        low, high = (values.min(), values.max()) if len(values) else (np.inf, -np.inf)
        weighted = values if weights is None else np.multiply(values, weights, dtype=np.float64)
        total = float(weighted.sum(dtype=np.float64))
        return Census(len(values), 0, rows.total, total, float(low), float(high))

    nothing = Census(0, 0, 0.0, 0.0, np.inf, -np.inf)
    found = sum(by_user.map(count).collect(), nothing)
    return replace(found, n_duplicates=n_rows - found.n_ratings)


def parts_by_block(
    block: NDArray[Any], arrays: dict[str, NDArray[Any]], **whole: NDArray[Any]
) -> Iterator[tuple[int, bytes]]:
    """Divides arrays of one length by the block of each entry: pairs of a block and a batch, order kept.

    Each batch also has the arrays of ``whole``, undivided.
    """
    # Of 8 and 16 bits, numpy sorts by radix.
    order = np.argsort(block.astype(np.min_scalar_type(int(block.max(initial=0)))), kind="stable")
    numbers, starts = np.unique(block[order], return_index=True)
    for number, places in zip(numbers.tolist(), np.split(order, starts[1:]), strict=True):
        yield number, pack(**{name: array[places] for name, array in arrays.items()}, **whole)


def _joined(parts: Iterable[bytes]) -> dict[str, NDArray[Any]]:
    """The arrays of several batches, concatenated by source; an empty dict if there are no batches."""
    unpacked = [unpack(part) for part in parts]
    if unpacked and "source" in unpacked[0]:
        unpacked.sort(key=source_of)
    names = [name for name in (unpacked[0] if unpacked else ()) if name != "source"]
    return {name: np.concatenate([each[name] for each in unpacked]) for name in names}


def _deduplicated(
    arrays: dict[str, NDArray[Any]], n_rows: int, n_columns: int, duplicates: Duplicates
) -> Rows:
    """Sorted rows in which each pair occurs once."""
    if not arrays:
        return _no_ratings(n_rows)
    pair = arrays["row"] * np.int64(n_columns) + arrays["column"]
    order = np.argsort(pair)
    repeats = np.append(False, pair[order[1:]] == pair[order[:-1]])
    if not repeats.any():
        return _rows(arrays, order, n_rows)
    # Sorting by arrival too costs more, so it is done only if there are duplicates.
    arrival = arrays.get("order")
    order = np.argsort(pair, kind="stable") if arrival is None else np.lexsort((arrival, pair))
    given = arrays["weight"][order] if "weight" in arrays else None
    kept, values, weights = merge(arrays["value"][order], given, repeats, duplicates)
    left = {"row": arrays["row"][order][kept], "column": arrays["column"][order][kept], "value": values}
    if weights is not None:
        left["weight"] = weights
    return _rows(left, np.arange(len(values)), n_rows)


def _sorted_rows(arrays: dict[str, NDArray[Any]], n_rows: int, n_columns: int) -> Rows:
    if not arrays:
        return _no_ratings(n_rows)
    return _rows(arrays, np.argsort(arrays["row"] * np.int64(n_columns) + arrays["column"]), n_rows)


def _rows(arrays: dict[str, NDArray[Any]], order: NDArray[Any], n_rows: int) -> Rows:
    indptr = np.zeros(n_rows + 1, dtype=np.int64)
    np.cumsum(np.bincount(arrays["row"], minlength=n_rows), out=indptr[1:])
    weights = arrays["weight"][order] if "weight" in arrays else None
    return Rows(indptr, arrays["column"][order].astype(np.int32), arrays["value"][order], weights)


def _no_ratings(n_rows: int) -> Rows:
    return Rows(np.zeros(n_rows + 1, np.int64), np.empty(0, np.int32), np.empty(0, np.float32))


def itself(number: int) -> int:
    """The number of a block, which as a key is the number of its partition too."""
    return number
