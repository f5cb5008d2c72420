"""Changes an input a little: its bytes, its lines and fields, its JSON, or the arrays of a model file."""

from __future__ import annotations

import gzip
import json
import math
from contextlib import suppress
from copy import deepcopy
from random import Random
from typing import Any

import numpy as np

NUMBERS = (
    0,
    1,
    -1,
    2,
    3,
    7,
    127,
    128,
    255,
    2**15,
    2**31 - 1,
    -(2**31),
    2**31,
    2**53,
    2**63 - 1,
    -(2**63),
    2**64,
)
FLOATS = (0.0, -0.0, 0.5, 5.0, 1e-45, 1e-30, 1e15, 1e19, 1e30, 3.4e38, -3.4e38, math.nan, math.inf, -math.inf)
WORDS = (
    *(
        "",
        " ",
        "nan",
        "inf",
        "-inf",
        "1e999",
        "1e-999",
        "0x1p3",
        "1_000",
        "-",
        "+",
        ".",
        "null",
        "None",
        "true",
    ),
    *(
        "5",
        "4.5",
        "4,5",
        "-1",
        "18446744073709551616",
        "1e308",
        "9" * 400,
        "\x00",
        "\ufeff",
        "\ud7ff",
        "é",
        "🎬",
    ),
    *(
        '"',
        '""',
        '"a',
        "'",
        "::",
        ":::",
        ",",
        ",,",
        ";",
        "\t",
        "|",
        "\\",
        "\r",
        "\n",
        "\r\n",
        "\x1f",
        "a" * 300,
    ),
    *(
        "userId",
        "movieId",
        "rating",
        "timestamp",
        "title",
        "genres",
        "Toy Story (1995)",
        "(1995)",
        "(no genres listed)",
    ),
)
JSON_VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        "",
        "a",
        "ALS",
        "\ud800",
        [],
        {},
        [[]],
        {"a": 1},
        [None],
        [1, 2],
        "x" * 5000,
        [0] * 500,
    ),
    *NUMBERS,
    *FLOATS,
    10**400,
)


def mutated_bytes(rng: Random, data: bytes) -> bytes:
    """The data with a few bytes changed, put in, taken out, repeated or cut off."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        place, width = rng.randrange(len(changed) + 1), rng.choice((1, 1, 2, 4, 8, 64))
        match rng.randrange(6):
            case 0:
                changed[place : place + width] = rng.randbytes(width)
            case 1:
                changed[place:place] = rng.randbytes(width)
            case 2:
                del changed[place : place + width]
            case 3:
                changed[place:place] = changed[place : place + width] * rng.choice((1, 2, 9))
            case 4 if place < len(changed):
                changed[place] ^= 1 << rng.randrange(8)
            case _:
                if rng.random() < 0.2:
                    del changed[place:]
    return bytes(changed)


def mutated_text(rng: Random, data: bytes) -> bytes:
    """A table in text with lines and fields changed, and now and then another encoding, or compressed."""
    if rng.random() < 0.25:
        return mutated_bytes(rng, data)
    text = data.decode("latin-1")
    separator = next((each for each in ("::", "\t", "|", ",") if each in text), ",")
    lines = text.split("\n")
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        place = rng.randrange(len(lines))
        fields = lines[place].split(separator)
        field = rng.randrange(len(fields))
        match rng.randrange(9):
            case 0:
                del lines[place]
                lines = lines or [""]
                continue
            case 1:
                lines.insert(rng.randrange(len(lines) + 1), lines[place])
                continue
            case 2:
                del fields[field]
            case 3:
                fields.insert(field, rng.choice(WORDS))
            case 4:
                fields[field] = f'"{fields[field]}"'
            case 5:
                fields[field] += rng.choice(WORDS)
            case 6:
                lines[place] = lines[place].replace(separator, rng.choice(("::", "\t", "|", ",", ";", " ")))
                continue
            case _:
                fields[field] = rng.choice(WORDS)
        lines[place] = separator.join(fields)
    text = rng.choice(("\n", "\n", "\n", "\n", "\r\n", "\r")).join(lines)
    coded = text.encode(rng.choice(("utf-8", "utf-8", "utf-8", "utf-16", "utf-8-sig", "cp1252")), "replace")
    return gzip.compress(coded, 1) if rng.random() < 0.02 else coded


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values inside a JSON document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, each in inner for found in places(each, (*path, key)))]


def mutated_json(rng: Random, value: Any) -> Any:
    """The document with one of its values changed, taken out, or put somewhere else; changed in place."""
    paths = places(value)
    path = rng.choice(paths)
    if not path:
        return deepcopy(rng.choice(JSON_VALUES)) if rng.random() < 0.1 else value
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    match rng.randrange(8):
        case 0:
            del inner[path[-1]]
        case 1:
            other = value
            for key in rng.choice(paths):
                other = other[key]
            inner[path[-1]] = json.loads(json.dumps(other))
        case 2 if isinstance(inner, dict):
            inner[rng.choice(("", "a", "x" * 300, *map(str, inner)))] = inner[path[-1]]
        case 3 if isinstance(inner, list):
            inner.insert(path[-1], inner[path[-1]])
        case 4 if isinstance(inner[path[-1]], int | float) and not isinstance(inner[path[-1]], bool):
            with suppress(OverflowError):
                inner[path[-1]] = inner[path[-1]] * rng.choice((-1, 0.5, 2, 10, 1000)) + rng.choice(
                    (0, 1, -1)
                )
        case _:
            inner[path[-1]] = deepcopy(rng.choice(JSON_VALUES))
    return value


def mutated_json_text(rng: Random, data: bytes) -> bytes:
    """JSON in text, changed as a document or as bytes."""
    if rng.random() < 0.2:
        return mutated_bytes(rng, data)
    document = json.loads(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        document = mutated_json(rng, document)
    return json.dumps(document).encode()


def mutated_study(rng: Random, data: bytes) -> bytes:
    """A study file, a JSON document on each line."""
    lines = data.split(b"\n")[:-1]
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        place = rng.randrange(len(lines))
        match rng.randrange(10):
            case 0:
                del lines[place]
                lines = lines or [b"{}"]
            case 1:
                lines.insert(rng.randrange(len(lines) + 1), lines[place])
            case 2:
                other = rng.randrange(len(lines))
                lines[place], lines[other] = lines[other], lines[place]
            case 3:
                lines[place] = mutated_bytes(rng, lines[place])
            case 4:
                del lines[place + 1 :]
            case _:
                lines[place] = _mutated_line(rng, lines[place])
    return b"\n".join(lines) + (b"\n" if rng.random() < 0.9 else b"")


def _mutated_line(rng: Random, line: bytes) -> bytes:
    try:
        return json.dumps(mutated_json(rng, json.loads(line))).encode()
    except ValueError:
        return mutated_bytes(rng, line)


def mutated_model(rng: Random, data: bytes) -> bytes:
    """A model file: its header, its arrays, what the header says of them, or its bytes."""
    kind = rng.random()
    if kind < 0.08:
        return mutated_bytes(rng, data)
    entries, arrays = parsed(data)
    if kind < 0.4:
        header = json.loads(entries["__metadata__"]["matinee"])
        for _ in range(rng.choice((1, 1, 1, 2))):
            header = mutated_json(rng, header)
        entries["__metadata__"]["matinee"] = json.dumps(header)
        return written(entries, arrays)
    if kind < 0.5:
        return written(mutated_json(rng, entries), arrays)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        _mutate_arrays(rng, arrays)
    return written(None, arrays, metadata=entries["__metadata__"])


def parsed(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The entries of a model file's header and copies of its arrays."""
    length = int.from_bytes(data[:8], "little")
    entries = json.loads(data[8 : 8 + length])
    types = {"F32": "<f4", "F64": "<f8", "I32": "<i4", "I64": "<i8", "U32": "<u4", "U64": "<u8"}
    arrays = {}
    for name, entry in entries.items():
        if name != "__metadata__":
            first, last = (8 + length + each for each in entry["data_offsets"])
            arrays[name] = (
                np.frombuffer(data[first:last], types[entry["dtype"]]).reshape(entry["shape"]).copy()
            )
    return entries, arrays


def written(entries: Any, arrays: dict[str, np.ndarray], metadata: dict[str, str] | None = None) -> bytes:
    """A model file with these entries, or with those of the arrays."""
    if entries is None:
        entries, place = {"__metadata__": metadata}, 0
        for name, array in arrays.items():
            code = f"{array.dtype.kind.upper()}{array.itemsize * 8}"
            extent = {
                "dtype": code,
                "shape": list(array.shape),
                "data_offsets": [place, place + array.nbytes],
            }
            entries[name] = extent
            place += array.nbytes
    header = json.dumps(entries).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + b"".join(each.tobytes() for each in arrays.values())


def _mutate_arrays(rng: Random, arrays: dict[str, np.ndarray]) -> None:
    name = rng.choice(list(arrays))
    array = arrays[name]
    kind = rng.randrange(12)
    if kind < 6 and array.size:
        _mutate_numbers(rng, array.reshape(-1))
        return
    match kind:
        case 6:
            arrays[name] = array[: rng.randrange(len(array) + 1)] if rng.random() < 0.5 else array[:0]
        case 7:
            arrays[name] = np.concatenate([array, array])
        case 8:
            arrays[name] = array.reshape(rng.choice([(1, *array.shape), (-1,), (*array.shape, 1)]))
        case 9:
            del arrays[name]
            arrays[rng.choice(("", "more", "rated_values", "user_features_values"))] = array
        case 10:
            with np.errstate(all="ignore"):
                arrays[name] = array.astype(rng.choice(("<f4", "<f8", "<i4", "<i8", "<u4", "<u8")))
        case _:
            other = rng.choice(list(arrays))
            arrays[name], arrays[other] = arrays[other], arrays[name]


def _mutate_numbers(rng: Random, flat: np.ndarray) -> None:
    for _ in range(rng.choice((1, 1, 2, 5, len(flat)))):
        place, other = rng.randrange(len(flat)), rng.randrange(len(flat))
        match rng.randrange(5):
            case 0:
                flat[[place, other]] = flat[[other, place]]
            case 1:
                flat[place] = flat[other]
            case 2 if flat.dtype.kind != "f":
                with np.errstate(all="ignore"):
                    flat[place] += np.array(rng.choice((1, -1)), np.int64).astype(flat.dtype)
            case 2 | 3:
                flat.view(np.uint8)[rng.randrange(flat.nbytes)] ^= 1 << rng.randrange(8)
            case _:
                is_float = flat.dtype.kind == "f"
                value = np.float64(rng.choice(FLOATS)) if is_float else np.uint64(rng.choice(NUMBERS) % 2**64)
                with np.errstate(all="ignore"):
                    flat[place] = value.astype(flat.dtype)
