"""Keeps the trials of a search in a file, so that a stopped search can continue."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from matinee.errors import DataError
from matinee.ratings import Ratings
from matinee.ratings.columns import whole_frame

if TYPE_CHECKING:
    import optuna


def journal(path: Path) -> optuna.storages.JournalStorage:
    """Optuna's journal in a file; the file is made if there is none.

    Raises
    ------
    DataError
        If the file is not a journal; it is then left as it was.
    OSError
        If the file cannot be read or written.
    """
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    try:
        if path.exists():
            _check_begins_like_journal(path)
            _drop_torn_line(path)
        # The lock is a file and not a link, since links need a privilege on Windows.
        backend = JournalFileBackend(str(path), lock_obj=JournalFileOpenLock(str(path)))
        return JournalStorage(backend)
    except OSError:
        raise
    # Optuna promises nothing about the errors of a journal that is damaged.
    except Exception as error:
        raise _not_a_study(path) from error


def check_study(
    storage: optuna.storages.JournalStorage,
    name: str,
    path: Path,
    direction: str,
    search: Mapping[str, str],
    passes: Callable[[optuna.trial.FrozenTrial], bool],
) -> None:
    """Check that the study of that name in a journal, if there is one, is of a search, and undamaged.

    Raises
    ------
    DataError
        If the study belongs to another search, or one of its trials does not pass.
    """
    if name not in [each.study_name for each in storage.get_all_studies()]:
        return
    study = storage.get_study_id_from_name(name)
    trials = storage.get_all_trials(study)
    known = storage.get_study_user_attrs(study).get("search", None if trials else search)
    if not isinstance(known, Mapping):
        raise _not_a_study(path)
    for part, ours in search.items():
        if known.get(part) != ours:
            raise DataError(
                f"{path} has the trials of another search ({part}: {known.get(part)}, not {ours}); "
                "name another file, or repeat that search"
            )
    directions = [each.name.lower() for each in storage.get_study_directions(study)]
    if directions != [direction] or not all(map(passes, trials)):
        raise _not_a_study(path)


@contextmanager
def named_in_errors(path: Path | None) -> Iterator[None]:
    """Turn an error of the file system into a DataError that names the file of the trials.

    Raises
    ------
    DataError
    """
    try:
        yield
    except OSError as error:
        if path is None:
            raise
        raise DataError(f"{path} cannot be used for the trials: {error.strerror or error}") from error


def fingerprint(ratings: Ratings) -> str:
    """A hash of all ids and ratings, and of what their contexts are called."""
    found = hashlib.sha256()
    for ids in (ratings.users, ratings.items):
        found.update("\n".join(map(str, ids.tolist())).encode("utf-8", "surrogatepass"))
        found.update(b"\0")
    for array in ratings.by_user:
        if array is not None:
            found.update(np.ascontiguousarray(array).data)
    if ratings.contexts is not None:
        found.update(json.dumps(ratings.contexts.to_dict()).encode("utf-8", "surrogatepass"))
    return found.hexdigest()[:16]


def hash_of(features: Any) -> str:
    """A hash of features, in a frame or in a pair of ids and a matrix."""
    if isinstance(features, tuple):
        parts = [each.toarray() if hasattr(each, "toarray") else np.asarray(each) for each in features]
        text = "".join(f"{each.shape} {each.tolist()}" for each in parts)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return hashlib.sha256(whole_frame(features).write_ndjson().encode()).hexdigest()[:16]


def _check_begins_like_journal(path: Path) -> None:
    with path.open("rb") as file:
        first_line = file.readline(1 << 20)
    if first_line and not _is_entry(first_line):
        raise _not_a_study(path)


def _is_entry(line: bytes) -> bool:
    try:
        return "op_code" in json.loads(line)
    except (ValueError, TypeError, RecursionError):
        return False


def _drop_torn_line(path: Path) -> None:
    """Remove an incomplete last line, which a crash left and which would corrupt the next one.

    Raises
    ------
    DataError
        If the last line is complete but damaged, of which Optuna speaks only once there is another.
    """
    with path.open("rb+") as file:
        content = file.read()
        whole = content.rfind(b"\n") + 1
        last_line = content[: whole - 1].rpartition(b"\n")[2]
        if whole and not _is_entry(last_line):
            raise _not_a_study(path)
        if whole != len(content):
            file.truncate(whole)


def _not_a_study(path: Path) -> DataError:
    return DataError(f"{path} is not a study file, or is damaged; name another file, which need not exist")
