"""Keeps the trials of a search in a file, so that a stopped search can continue."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from matinee.errors import DataError
from matinee.ratings import Ratings

if TYPE_CHECKING:
    import optuna


def journal(path: Path) -> optuna.storages.JournalStorage:
    """Optuna's journal in a file; the file is made if there is none.

    Raises
    ------
    DataError
        If the file cannot be read or written, or is not a journal; it is then left as it was.
    """
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    try:
        if path.exists():
            _check_is_journal(path)
            _drop_torn_line(path)
        # The lock is a file and not a link, since links need a privilege on Windows.
        backend = JournalFileBackend(str(path), lock_obj=JournalFileOpenLock(str(path)))
        return JournalStorage(backend)
    except OSError as error:
        raise DataError(f"{path} cannot be used for the trials: {error.strerror}") from error
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
        raise _not_a_study(path) from error


def claim(study: optuna.Study, path: Path, search: Mapping[str, str]) -> None:
    """Write into a new study which search it belongs to; check it in an old one.

    Raises
    ------
    DataError
        If the study belongs to another search.
    """
    known = study.user_attrs.get("search")
    if known is None:
        study.set_user_attr("search", dict(search))
        return
    for name, ours in search.items():
        if known.get(name) != ours:
            raise DataError(
                f"{path} has the trials of another search ({name}: {known.get(name)}, not {ours}); "
                "name another file, or repeat that search"
            )


def fingerprint(ratings: Ratings) -> str:
    """A hash of all ids and ratings."""
    found = hashlib.sha256()
    for ids in (ratings.users, ratings.items):
        found.update("\n".join(map(str, ids.tolist())).encode("utf-8", "surrogatepass"))
        found.update(b"\0")
    for array in ratings.by_user:
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()[:16]


def _check_is_journal(path: Path) -> None:
    with path.open("rb") as file:
        first_line = file.readline(1 << 20)
    if not first_line:
        return
    try:
        is_journal = "op_code" in json.loads(first_line)
    except (ValueError, TypeError):
        is_journal = False
    if not is_journal:
        raise _not_a_study(path)


def _drop_torn_line(path: Path) -> None:
    """Remove an incomplete last line, which a crash left and which would corrupt the next one."""
    with path.open("rb+") as file:
        content = file.read()
        whole = content.rfind(b"\n") + 1
        if whole != len(content):
            file.truncate(whole)


def _not_a_study(path: Path) -> DataError:
    return DataError(f"{path} is not a study file, or is damaged; name another file, which need not exist")
