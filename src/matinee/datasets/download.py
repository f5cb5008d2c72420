"""Finds the datasets on this machine, or downloads them once from where they are published.

A dataset is looked for in the folder that the environment variable ``MATINEE_DATA`` names, and then in the
cache folder (``MATINEE_CACHE``, or the platform's own). If it is in neither, it is downloaded into the cache
folder. ``MATINEE_DOWNLOAD_URL`` names a mirror; its archives must be those that are published, and have their
names.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from matinee.datasets import archives
from matinee.datasets.disk import disk_errors_explained
from matinee.datasets.published import DATASETS, NAMES_IN_WORDS, Dataset
from matinee.errors import DataError

# What only a download needs is imported where it is needed: ssl, http and filelock take a while to load, and
# most programs that import Matinee download nothing.

GROUPLENS_URL = "https://files.grouplens.org/datasets/movielens/"
SHA256_LENGTH = 64  # in digits


@dataclass(frozen=True)
class DatasetFiles:
    """The paths of a dataset's files; None for what it has no file about."""

    folder: Path
    ratings: Path
    movies: Path | None
    users: Path | None


def dataset_files(
    name: str, *, progress: bool | None = None, base_url: str | None = None, cache: Path | str | None = None
) -> DatasetFiles:
    """The files of a dataset, downloaded if they are not on this machine yet.

    Parameters
    ----------
    name : str
        One of ``DATASETS``.
    progress : bool or None
        False shows no progress bar. Otherwise there is one on a terminal, and in a notebook.
    base_url : str or None
        The URL of a mirror. The default is the environment's ``MATINEE_DOWNLOAD_URL``, or else where the
        dataset is published.
    cache : path or None
        The folder to keep downloads in. The default is the environment's ``MATINEE_CACHE``, or else the
        platform's cache folder.

    Returns
    -------
    DatasetFiles

    Raises
    ------
    DataError
        If there is no such dataset or no program may download it, the server refuses, the connection fails
        again and again, the archive is not the one that is published or is not safe to unpack, or there is no
        room.
    """
    folder = dataset_folder(name, progress=progress, base_url=base_url, cache=cache)
    dataset = DATASETS[name]
    movies, users = (None if name is None else folder / name for name in (dataset.movies, dataset.users))
    return DatasetFiles(folder, folder / dataset.ratings, movies, users)


def dataset_folder(
    name: str, *, progress: bool | None = None, base_url: str | None = None, cache: Path | str | None = None
) -> Path:
    """The folder that holds a dataset; parameters and errors as in `dataset_files`."""
    if name not in DATASETS:
        raise DataError(f"there is no dataset {name!r}; expected one of {NAMES_IN_WORDS}")
    cache_folder = _cache_folder(cache)
    found = _find(name, _folder_from_environment("MATINEE_DATA")) or _find(name, cache_folder)
    if found is not None:
        return found
    dataset = DATASETS[name]
    if dataset.by_hand is not None:
        raise DataError(
            f"{name} is not downloaded by programs: {dataset.by_hand}; then name in MATINEE_DATA the folder "
            f"above {dataset.folder}"
        )
    archive_url = _archive_url(name, base_url)
    with disk_errors_explained(cache_folder, None), _one_at_a_time(name, cache_folder):
        # Another process may have downloaded it while this one waited.
        return _find(name, cache_folder) or _fetch(name, archive_url, cache_folder, progress)


def _folder_from_environment(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(value).expanduser() if value else None


def _cache_folder(cache: Path | str | None) -> Path:
    if cache is not None:
        return Path(cache).expanduser()
    from platformdirs import user_cache_dir

    return _folder_from_environment("MATINEE_CACHE") or Path(user_cache_dir("matinee"))


def _find(name: str, root: Path | None) -> Path | None:
    if root is None:
        return None
    dataset = DATASETS[name]
    # People who unzip ml-10m by hand may call the folder ml-10m.
    folders = (root / dataset.folder, root / name)
    with disk_errors_explained(root, None):
        return next((folder for folder in folders if (folder / dataset.ratings).is_file()), None)


def _archive_url(name: str, base_url: str | None) -> str:
    published = DATASETS[name].url
    base = base_url or os.environ.get("MATINEE_DOWNLOAD_URL")
    if not base and published is not None:
        return published
    base = base or GROUPLENS_URL
    try:
        parts = urlsplit(base)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise DataError(
            f"{base!r} is not a place to download from; expected a URL such as {GROUPLENS_URL}: "
            f"correct or unset MATINEE_DOWNLOAD_URL"
        )
    file = f"{name}.zip" if published is None else published.rsplit("/", 1)[-1]
    return f"{base.rstrip('/')}/{file}"


@contextmanager
def _one_at_a_time(name: str, cache_folder: Path) -> Iterator[None]:
    from filelock import FileLock

    cache_folder.mkdir(parents=True, exist_ok=True)
    with FileLock(cache_folder / f".{name}.lock"):
        yield


def _fetch(name: str, archive_url: str, cache_folder: Path, progress: bool | None) -> Path:
    from matinee.datasets import transfer

    dataset = DATASETS[name]
    expected = _published_sum(dataset, archive_url)
    # The sum in the name ties the bytes to their archive: a dataset that changes between two calls
    # is never pieced together from both. Where no sum is known, the one inside the archive tells.
    file = archive_url.rsplit("/", 1)[-1]
    part = cache_folder / f"{file}.{expected or 'unchecked'}.part"
    for outdated in set(cache_folder.glob(f"{file}.*.part")) - {part}:
        outdated.unlink()
    # The part may be complete, if the process ended or the disk was full between downloading and unpacking.
    if expected is None or not part.is_file() or _sum_of(part, expected) != expected:
        transfer.fetch_file(archive_url, part, largest=dataset.largest, progress=progress)
        if expected is not None:
            _require_sum(part, expected, archive_url)
    try:
        folder = _put_in_place(name, part, cache_folder)
    except archives.ArchiveError:
        part.unlink()
        raise
    part.unlink(missing_ok=True)
    return folder


def _published_sum(dataset: Dataset, archive_url: str) -> str | None:
    """The MD5 or SHA-256 sum that an archive should have; None if none is published."""
    known = dataset.md5 or dataset.sha256
    return _published_md5(archive_url) if known is None and dataset.url is None else known


def _published_md5(archive_url: str) -> str:
    from matinee.datasets import transfer

    text = transfer.fetch_text(f"{archive_url}.md5")
    sums = re.findall(r"\b[0-9a-fA-F]{32}\b", text)
    if len(sums) != 1:
        raise DataError(
            f"{archive_url}.md5: expected the archive's MD5 sum, and got {text[:80]!r}; "
            f"name another mirror in MATINEE_DOWNLOAD_URL"
        )
    return str(sums[0]).lower()


def _sum_of(file: Path, like: str) -> str:
    """The MD5 or SHA-256 sum of a file, as the one that it is to be compared with."""
    # MD5 guards against damage and not against forgery, and is the only sum that GroupLens publishes.
    make = hashlib.sha256 if len(like) == SHA256_LENGTH else partial(hashlib.md5, usedforsecurity=False)
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, make).hexdigest()


def _require_sum(part: Path, expected: str, archive_url: str) -> None:
    found = _sum_of(part, expected)
    if found != expected:
        part.unlink()
        kind = "SHA-256" if len(expected) == SHA256_LENGTH else "MD5"
        raise DataError(
            f"{archive_url}: the archive's {kind} sum is {found}; expected {expected}. It was damaged on its "
            f"way or is another file, and has been removed: run it again, or name another mirror in "
            f"MATINEE_DOWNLOAD_URL"
        )


def _put_in_place(name: str, part: Path, cache_folder: Path) -> Path:
    """Put what was downloaded where it is looked for; the folder."""
    from matinee.datasets import tar_archives

    dataset = DATASETS[name]
    if dataset.url is None or dataset.url.endswith(".zip"):
        return _unpack(name, part, cache_folder, archives.unpack)
    if dataset.url.endswith(".tar.gz"):
        return _unpack(name, part, cache_folder, tar_archives.unpack_tar)
    # The file itself, which is read as it is packed; others of its kind lie in the same folder.
    tar_archives.require_whole_gzip(part)
    folder = cache_folder / dataset.folder
    folder.mkdir(exist_ok=True)
    part.replace(folder / dataset.ratings)
    return folder


def _unpack(name: str, archive: Path, cache_folder: Path, unpack: Callable[..., None]) -> Path:
    dataset = DATASETS[name]
    target = cache_folder / dataset.folder
    # The lock is held, so what is here was left by a process that was killed, and nobody uses it.
    unpacking = cache_folder / f".{name}.unpacking"
    shutil.rmtree(unpacking, ignore_errors=True)
    try:
        unpack(archive, unpacking, largest=dataset.largest)
        # Some archives have their files at the top, and no folder.
        at_top = dataset.url is not None and (unpacking / dataset.ratings).is_file()
        inner = unpacking if at_top else unpacking / dataset.folder
        for file in (dataset.ratings, dataset.movies, dataset.users):
            if file is not None and not (inner / file).is_file():
                raise archives.ArchiveError(
                    f"{archive}: {dataset.folder}/{file} is not in it; "
                    f"name another mirror in MATINEE_DOWNLOAD_URL"
                )
        if target.exists():  # its ratings are missing, or it would have been found
            shutil.rmtree(target)
        inner.replace(target)
    finally:
        shutil.rmtree(unpacking, ignore_errors=True)
    return target
