"""Finds the MovieLens datasets on this machine, or downloads them once from GroupLens.

A dataset is looked for in the folder that the environment variable ``MATINEE_DATA`` names, and then in the
cache folder (``MATINEE_CACHE``, or the platform's own). If it is in neither, it is downloaded into the cache
folder. ``MATINEE_DOWNLOAD_URL`` names a mirror; its archive must be the one that GroupLens publishes.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from matinee.datasets import archives
from matinee.datasets.disk import disk_errors_explained
from matinee.errors import DataError

# What only a download needs is imported where it is needed: ssl, http and filelock take a while to load, and
# most programs that import Matinee download nothing.

GROUPLENS_URL = "https://files.grouplens.org/datasets/movielens/"


@dataclass(frozen=True)
class Dataset:
    """What is known about a dataset before it is downloaded.

    Parameters
    ----------
    folder : str
        The one folder in the archive.
    ratings, movies : str
        Files in that folder.
    users : str or None
        The file about the people, if the dataset has one.
    md5 : str or None
        The MD5 sum of the archive. None if the archive changes from time to time; the ``.md5`` file beside it
        then has the current sum.
    largest : int
        A generous bound on the size of the unpacked files, in bytes: two to four times their size.
    """

    folder: str
    ratings: str
    movies: str
    users: str | None
    md5: str | None
    largest: int


@dataclass(frozen=True)
class DatasetFiles:
    """The paths of a dataset's files; ``users`` is None for datasets without a file about the people."""

    folder: Path
    ratings: Path
    movies: Path
    users: Path | None


_MB = 1_000_000

DATASETS = {
    "ml-100k": Dataset("ml-100k", "u.data", "u.item", "u.user", "0e33842e24a9c977be4e0107933c0723", 60 * _MB),
    "ml-1m": Dataset(
        "ml-1m", "ratings.dat", "movies.dat", "users.dat", "c4d9eecfca2ab87c1945afe126590906", 100 * _MB
    ),
    "ml-10m": Dataset(
        "ml-10M100K", "ratings.dat", "movies.dat", None, "ce571fd55effeba0271552578f2648bd", 1_000 * _MB
    ),
    "ml-20m": Dataset(
        "ml-20m", "ratings.csv", "movies.csv", None, "cd245b17a1ae2cc31bb14903e1204af3", 3_000 * _MB
    ),
    "ml-25m": Dataset(
        "ml-25m", "ratings.csv", "movies.csv", None, "6b51fb2759a8657d3bfcbfc42b592ada", 4_000 * _MB
    ),
    "ml-32m": Dataset(
        "ml-32m", "ratings.csv", "movies.csv", None, "d472be332d4daa821edc399621853b57", 4_000 * _MB
    ),
    "ml-latest-small": Dataset("ml-latest-small", "ratings.csv", "movies.csv", None, None, 50 * _MB),
}


def dataset_files(
    name: str, *, progress: bool | None = None, base_url: str | None = None, cache: Path | str | None = None
) -> DatasetFiles:
    """The files of a MovieLens dataset, downloaded if they are not on this machine yet.

    Parameters
    ----------
    name : str
        One of ``DATASETS``.
    progress : bool or None
        False shows no progress bar. Otherwise there is one on standard error, if that is a terminal.
    base_url : str or None
        The URL of a mirror. The default is the environment's ``MATINEE_DOWNLOAD_URL``, or else GroupLens.
    cache : path or None
        The folder to keep downloads in. The default is the environment's ``MATINEE_CACHE``, or else the
        platform's cache folder.

    Returns
    -------
    DatasetFiles

    Raises
    ------
    DataError
        If there is no such dataset, the server refuses, the connection fails again and again, the archive is
        not the one that GroupLens publishes or is not safe to unpack, or there is no room.
    """
    folder = dataset_folder(name, progress=progress, base_url=base_url, cache=cache)
    dataset = DATASETS[name]
    users = None if dataset.users is None else folder / dataset.users
    return DatasetFiles(folder, folder / dataset.ratings, folder / dataset.movies, users)


def dataset_folder(
    name: str, *, progress: bool | None = None, base_url: str | None = None, cache: Path | str | None = None
) -> Path:
    """The folder that holds a MovieLens dataset; parameters and errors as in `dataset_files`."""
    if name not in DATASETS:
        raise DataError(f"there is no dataset {name!r}; expected one of {', '.join(DATASETS)}")
    cache_folder = _cache_folder(cache)
    found = _find(name, _folder_from_environment("MATINEE_DATA")) or _find(name, cache_folder)
    if found is not None:
        return found
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
    base = base_url or os.environ.get("MATINEE_DOWNLOAD_URL") or GROUPLENS_URL
    try:
        parts = urlsplit(base)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise DataError(
            f"{base!r} is not a place to download from; expected a URL such as {GROUPLENS_URL}: "
            f"correct or unset MATINEE_DOWNLOAD_URL"
        )
    return f"{base.rstrip('/')}/{name}.zip"


@contextmanager
def _one_at_a_time(name: str, cache_folder: Path) -> Iterator[None]:
    from filelock import FileLock

    cache_folder.mkdir(parents=True, exist_ok=True)
    with FileLock(cache_folder / f".{name}.lock"):
        yield


def _fetch(name: str, archive_url: str, cache_folder: Path, progress: bool | None) -> Path:
    from matinee.datasets import transfer

    dataset = DATASETS[name]
    md5 = dataset.md5 or _published_md5(archive_url)
    # The sum in the name ties the bytes to their archive: a dataset that changes between two calls
    # is never pieced together from both.
    part = cache_folder / f"{name}.zip.{md5}.part"
    for outdated in set(cache_folder.glob(f"{name}.zip.*.part")) - {part}:
        outdated.unlink()
    # The part may be complete, if the process ended or the disk was full between downloading and unpacking.
    if not part.is_file() or _md5(part) != md5:
        transfer.fetch_file(archive_url, part, largest=dataset.largest, progress=progress)
        _require_md5(part, md5, archive_url)
    try:
        folder = _unpack(name, part, cache_folder)
    except archives.ArchiveError:
        part.unlink()
        raise
    part.unlink()
    return folder


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


def _md5(file: Path) -> str:
    # MD5 guards against damage and not against forgery, and is the only sum that GroupLens publishes.
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _require_md5(part: Path, expected: str, archive_url: str) -> None:
    md5 = _md5(part)
    if md5 != expected:
        part.unlink()
        raise DataError(
            f"{archive_url}: the archive's MD5 sum is {md5}; expected {expected}. It was damaged on its way "
            f"or is another file, and has been removed: run it again, or name another mirror in "
            f"MATINEE_DOWNLOAD_URL"
        )


def _unpack(name: str, archive: Path, cache_folder: Path) -> Path:
    dataset = DATASETS[name]
    target = cache_folder / dataset.folder
    # The lock is held, so what is here was left by a process that was killed, and nobody uses it.
    unpacking = cache_folder / f".{name}.unpacking"
    shutil.rmtree(unpacking, ignore_errors=True)
    try:
        archives.unpack(archive, unpacking, largest=dataset.largest)
        for file in (dataset.ratings, dataset.movies, dataset.users):
            if file is not None and not (unpacking / dataset.folder / file).is_file():
                raise archives.ArchiveError(
                    f"{archive}: {dataset.folder}/{file} is not in it; "
                    f"name another mirror in MATINEE_DOWNLOAD_URL"
                )
        if target.exists():  # its ratings are missing, or it would have been found
            shutil.rmtree(target)
        (unpacking / dataset.folder).replace(target)
    finally:
        shutil.rmtree(unpacking, ignore_errors=True)
    return target
