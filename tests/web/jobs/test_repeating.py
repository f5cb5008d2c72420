"""Doing something again and again."""

from __future__ import annotations

import threading

from matinee.errors import DataError, MatineeError
from matinee.web.jobs.repeating import repeat


def test_what_goes_wrong_is_said_and_tried_again_until_it_is_stopped() -> None:
    stopped, said, n_done = threading.Event(), list[MatineeError](), 0

    def once() -> None:
        nonlocal n_done
        n_done += 1
        if n_done == 2:
            raise DataError("the second time")
        if n_done == 4:
            stopped.set()

    repeat(once, 0.001, said.append, stopped)
    assert n_done == 4
    assert list(map(str, said)) == ["the second time"]
