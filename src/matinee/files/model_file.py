"""Model files: a header and arrays in the safetensors format. They hold no code, and are mapped, not read."""

from __future__ import annotations

import json
import math
import mmap
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file

from matinee.errors import ModelFileError
from matinee.files.atomic import put_in_place, unfinished

FORMAT_VERSION = 1

# The types that a model file holds, by their names in the format.
_DTYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "I32": np.dtype("<i4"),
    "I64": np.dtype("<i8"),
    "U32": np.dtype("<u4"),
    "U64": np.dtype("<u8"),
}
# A JSON document can take 25 times its length in memory; the headers of the largest models have some 20 MB.
_LONGEST_HEADER = 50_000_000
# The samples of BayesianALS have three.
_MOST_DIMENSIONS = 3
# A name or a shape from a file may have any length; a message that quotes it need not.
_LONGEST_QUOTE = 200


def write_model_file(path: str | Path, header: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
    """Write a header of plain values and arrays of numbers or text, atomically.

    After a crash or Ctrl-C the file that was there before is still there, whole.

    Raises
    ------
    ModelFileError
        If the file cannot be written.
    """
    # A link stays a link, and leads to the new file.
    path = Path(path).resolve()
    text = json.dumps({"format_version": FORMAT_VERSION, **header})
    if len(text) > _LONGEST_HEADER // 2:
        raise ModelFileError(f"{path} cannot be written: its history and columns take {len(text):,} bytes")
    metadata = {"matinee": text}
    try:
        with unfinished(path) as part:
            save_file({name: _tensor(array) for name, array in arrays.items()}, part, metadata=metadata)
            _sync(part)
            put_in_place(part, path)
    except OSError as error:
        raise ModelFileError(f"{path} cannot be written: {error.strerror or error}") from error
    except SafetensorError as error:
        raise ModelFileError(f"{path} cannot be written: {error}") from error


def _tensor(array: Any) -> Any:
    array = np.ascontiguousarray(array)
    # Text of fixed width is stored as a table of code points.
    return array.view("<u4").reshape(len(array), -1) if array.dtype.kind == "U" else array


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def read_model_file(path: str | Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header and the arrays of a model file; the arrays are read-only views of the mapped file.

    Raises
    ------
    ModelFileError
        If the file is missing, truncated, damaged, not a model file, or of a newer version.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise ModelFileError(f"{path} is empty; expected a model file written by model.save")
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{path} cannot be read: {error}") from error
    try:
        return _parse(memoryview(mapped))
    except ModelFileError as error:
        raise ModelFileError(f"{path} {error}") from None


def begins_like_model_file(path: str | Path) -> bool:
    """Whether there is a file that begins like a model file: with a length, and a JSON document."""
    try:
        with Path(path).open("rb") as file:
            beginning = file.read(9)
    except OSError:
        return False
    return beginning[8:] == b"{" and int.from_bytes(beginning[:8], "little") <= _LONGEST_HEADER


def _parse(data: memoryview) -> tuple[dict[str, Any], dict[str, Any]]:
    if len(data) < 8:
        raise ModelFileError("is truncated: it has no header")
    length = int.from_bytes(data[:8], "little")
    if length > min(_LONGEST_HEADER, len(data) - 8):
        raise ModelFileError("is truncated or not a model file: its header goes past its end")
    try:
        entries = json.loads(bytes(data[8 : 8 + length]))
        header = json.loads(entries.pop("__metadata__")["matinee"])
        version = header["format_version"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ModelFileError("is not a model file: it has no header of Matinee's") from None
    if type(version) is not int or not 1 <= version <= FORMAT_VERSION:
        remedy = f"this Matinee reads up to {FORMAT_VERSION}: install a newer one"
        raise ModelFileError(f"has format version {quoted(version)}; {remedy}")
    arrays = {name: _array(quoted(name), entry, data[8 + length :]) for name, entry in entries.items()}
    if sum(array.nbytes for array in arrays.values()) > len(data) - 8 - length:
        raise ModelFileError("is damaged: its arrays overlap")
    # The kernels take numbers that begin at a multiple of their size, as ours do; others may write others.
    return header, {name: np.require(array, requirements="A") for name, array in arrays.items()}


def quoted(value: object) -> str:
    """The repr of something from a file, cut to a length that a message can have."""
    text = f"{value!r:.{_LONGEST_QUOTE + 1}}"
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…"


def _array(name: str, entry: Any, data: memoryview) -> Any:
    try:
        dtype, shape, (begin, end) = _DTYPES[entry["dtype"]], entry["shape"], entry["data_offsets"]
    except (ValueError, KeyError, TypeError):
        raise ModelFileError(f"is damaged: the entry of {name} cannot be read") from None
    if not (_are_sizes(shape) and _are_sizes([begin, end]) and len(shape) <= _MOST_DIMENSIONS):
        raise ModelFileError(f"is damaged: {name} cannot have the shape {quoted(shape)}")
    if end - begin != math.prod(shape) * dtype.itemsize:
        raise ModelFileError(f"is damaged: {name} of shape {shape} does not fit its place")
    if end > len(data):
        raise ModelFileError(f"is truncated: {name} ends at byte {end:,} of {len(data):,}")
    try:
        return np.frombuffer(data[begin:end], dtype=dtype).reshape(shape)
    except ValueError:
        raise ModelFileError(f"is damaged: {name} cannot have the shape {shape}") from None


def _are_sizes(values: Any) -> bool:
    """Whether a value is a list of whole numbers that an array of any file can be counted by."""
    return isinstance(values, list) and all(type(each) is int and 0 <= each < 2**63 for each in values)
