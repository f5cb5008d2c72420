"""Chooses the ratings that no model of the web application is fitted to, so that they can compare models."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.ratings import Ratings

HELD_OUT_SHARE = 0.1
# Odd 64-bit numbers: 2⁶⁴ divided by the golden ratio, and a mixer of SplitMix64 (Steele et al. 2014).
_GOLDEN, _MIXER = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)


def is_held_out(ratings: Ratings) -> NDArray[np.bool_]:
    """A mask, shape (n,), of the ratings to test on: about a tenth, by a hash of the user and item ids."""
    users = _hashes(ratings.users)[ratings.user_positions]
    items = _hashes(ratings.items)[ratings.by_user.columns]
    with np.errstate(over="ignore"):
        mixed = (users ^ (items * _GOLDEN)) * _MIXER
    chosen: NDArray[np.bool_] = (mixed >> np.uint64(33)) % np.uint64(1000) < HELD_OUT_SHARE * 1000
    return chosen


def _hashes(ids: Any) -> NDArray[np.uint64]:
    """A number for each id. It is the same in every process and does not depend on the other ids."""
    if ids.dtype.kind == "U":
        digests = (_text_hash(id) for id in ids.tolist())
        numbers = np.fromiter(digests, dtype=np.uint64, count=len(ids))
    else:
        numbers = ids.astype(np.uint64)
    with np.errstate(over="ignore"):
        mixed: NDArray[np.uint64] = (numbers + np.uint64(1)) * _GOLDEN
    return mixed ^ (mixed >> np.uint64(31))


def _text_hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")
