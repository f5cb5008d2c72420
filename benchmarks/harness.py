"""The harness of the side-by-side benchmarks: prepares data, runs contenders in processes, makes tables.

A benchmark such as ``explicit.py`` names its contenders, prepares its data, runs its jobs in alternation, and
makes tables of the answers. ``contenders/`` has the scripts that run a job for each contender.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import synthetic

HERE = Path(__file__).resolve().parent
CACHE = HERE / ".cache"

# If set, these variables make OpenBLAS use another processor's kernels. Contenders run without them.
BLAS_OVERRIDES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


@dataclass(frozen=True)
class Contender:
    """One library in one configuration, as a script that answers jobs.

    Parameters
    ----------
    name : str
        The name in the tables.
    script : str
        The name of the script in ``contenders/``.
    environment : str
        The virtual environment, at the project's root, that the script runs in.
    options : dict
        Options that are added to every job; they distinguish configurations of the same library.
    variables : dict
        Environment variables, besides those of the numbers of threads.
    """

    name: str
    script: str
    environment: str = ".venv-peers"
    options: dict = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)


def run(contender: Contender, job: dict, *, time_limit: float = 3600) -> dict:
    """The contender's answer to a job, or ``{"error": …}`` with its error message."""
    command = [
        str(HERE.parent / contender.environment / "bin" / "python"),
        str(HERE / "contenders" / contender.script),
        json.dumps({**job, **contender.options}),
    ]
    variables = process_variables(contender, job["threads"])
    try:
        finished = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=time_limit)
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"error": str(error)}
    lines = finished.stdout.strip().splitlines()
    if finished.returncode or not lines:
        return {"error": complaint(finished)}
    return json.loads(lines[-1])


def complaint(finished: subprocess.CompletedProcess[str]) -> str:
    """The message of the exception that ended a process: the last line outside a traceback."""
    lines = [line for line in finished.stderr.splitlines() if line and not line[0].isspace()]
    return lines[-1] if lines else f"exit status {finished.returncode}"


def process_variables(contender: Contender, n_threads: int) -> dict[str, str]:
    """The environment of a contender's process, with ``n_threads`` threads and unmodified BLAS."""
    inherited = {name: value for name, value in os.environ.items() if name not in BLAS_OVERRIDES}
    threads = {"OMP_NUM_THREADS": str(n_threads), "OPENBLAS_NUM_THREADS": str(n_threads)}
    return {**inherited, **threads, **contender.variables}


def alternate(contenders: Sequence[Contender], job: dict, *, rounds: int) -> dict[str, list[dict]]:
    """The answers of contenders that run in turn (A B C A B C …), so that a busy minute affects them all."""
    answers: dict[str, list[dict]] = {contender.name: [] for contender in contenders}
    for turn in range(rounds):
        for contender in contenders:
            answer = run(contender, job)
            report(f"round {turn + 1}/{rounds}  {contender.name}: {summary(answer)}")
            answers[contender.name].append(answer)
    return answers


def gather(all_answers: Iterable[dict[str, list[dict]]]) -> dict[str, list[dict]]:
    """The answers to several jobs, by contender."""
    gathered: dict[str, list[dict]] = {}
    for answers in all_answers:
        for name, given in answers.items():
            gathered.setdefault(name, []).extend(given)
    return gathered


def summary(answer: dict) -> str:
    """The numbers of an answer in words, or its error."""
    numbers = [f"{key} {value:.4g}" for key, value in answer.items() if isinstance(value, float)]
    return ", ".join(numbers) or str(answer)


def report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def movielens_1m(*, test_size: float, seed: int = 0) -> Path:
    """MovieLens 1M with a random part of this size for testing."""
    path = CACHE / f"ml-1m-{round(100 * test_size)}{f'-{seed}' if seed else ''}.npz"
    if not path.exists():
        save(path, *random_split(read_columns("ml-1m/ratings.dat", "::"), test_size, seed))
    return path


def movielens_1m_cold(*, seed: int = 0) -> Path:
    """MovieLens 1M with all ratings of a random tenth of the movies for testing."""
    path = CACHE / f"ml-1m-cold-{seed}.npz"
    if not path.exists():
        columns = read_columns("ml-1m/ratings.dat", "::")
        items = np.unique(columns[1])
        cold = np.random.default_rng(seed).choice(items, size=len(items) // 10, replace=False)
        is_test = np.isin(columns[1], cold)
        save(path, *([column[part] for column in columns] for part in (~is_test, is_test)))
    return path


def movielens_1m_by_user(*, seed: int) -> Path:
    """MovieLens 1M with a fifth of each user's ratings for testing."""
    path = CACHE / f"ml-1m-by-user-{seed}.npz"
    if not path.exists():
        save(path, *split_by_user(read_columns("ml-1m/ratings.dat", "::"), 0.2, seed))
    return path


def validation_of(data: Path) -> Path:
    """The training part of a prepared dataset, with a fifth of each user's ratings for validation."""
    path = data.with_name(f"{data.stem}-validation.npz")
    if not path.exists():
        with np.load(data) as arrays:
            columns = [arrays[f"train_{name}"] for name in ("users", "items", "ratings")]
        save(path, *split_by_user(columns, 0.2, seed=0))
    return path


def small_strengths() -> Path:
    """A dataset of 300 users × 200 items with strengths of 1 to 5; every user and item has some."""
    path = CACHE / "small-strengths.npz"
    if not path.exists():
        random = np.random.default_rng(0)
        users, items = np.nonzero(random.random((300, 200)) < 0.15)
        columns = users, items, random.integers(1, 6, size=len(users)).astype(np.float32)
        save(path, columns, [column[:0] for column in columns])
    return path


def movielens_100k_fold(fold: int) -> Path:
    """One of the original folds u1 … u5 of MovieLens 100K."""
    path = CACHE / f"ml-100k-u{fold}.npz"
    if not path.exists():
        save(path, *(read_columns(f"ml-100k/u{fold}.{part}", "\t") for part in ("base", "test")))
    return path


def synthetic_20m() -> Path:
    """The synthetic ratings, all of them for training."""
    path = CACHE / "synthetic-20m.npz"
    if not path.exists():
        users, items, ratings = synthetic.generate()
        save(path, (users, items, ratings), (users[:0], items[:0], ratings[:0]))
    return path


def synthetic_netflix(*, share: float = 1.0) -> Path:
    """Synthetic ratings of the shape of the Netflix Prize, or of a share of its users, all for training."""
    path = CACHE / f"synthetic-netflix-{share:g}.npz"
    if not path.exists():
        n_users = round(share * synthetic.NETFLIX.n_users)
        users, items, ratings = synthetic.generate(replace(synthetic.NETFLIX, n_users=n_users))
        save(path, (users, items, ratings), (users[:0], items[:0], ratings[:0]))
    return path


def read_columns(name: str, separator: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The user ids, item ids and ratings of a MovieLens file in the folder ``MATINEE_DATA``."""
    text = (data_folder() / name).read_text().replace(separator, " ")
    table = np.array(text.split(), dtype=np.int64).reshape(-1, 4)
    return table[:, 0], table[:, 1], table[:, 2].astype(np.float32)


def data_folder() -> Path:
    """The folder with MovieLens' files."""
    folder = os.environ.get("MATINEE_DATA")
    if folder is None:
        raise SystemExit(
            "MATINEE_DATA must name the folder that holds ml-1m/ and ml-100k/, as GroupLens ships them"
        )
    return Path(folder)


def random_split(columns: Sequence[np.ndarray], test_size: float, seed: int) -> tuple[list, list]:
    """The rows of the columns, randomly split into a part for training and one for testing."""
    order = np.random.default_rng(seed).permutation(len(columns[0]))
    test, train = np.split(order, [round(test_size * len(order))])
    return [column[train] for column in columns], [column[test] for column in columns]


def split_by_user(columns: Sequence[np.ndarray], test_size: float, seed: int) -> tuple[list, list]:
    """The rows of the columns, split in two; the second part has a random share of each user's rows."""
    shuffled = np.random.default_rng(seed).permutation(len(columns[0]))
    order = shuffled[np.argsort(columns[0][shuffled], kind="stable")]
    _, starts, counts = np.unique(columns[0][order], return_index=True, return_counts=True)
    place = np.arange(len(order)) - np.repeat(starts, counts)
    is_test = place < np.repeat(np.round(test_size * counts), counts)
    return tuple([column[order[part]] for column in columns] for part in (~is_test, is_test))  # type: ignore[return-value]


def save(path: Path, train: Sequence[np.ndarray], test: Sequence[np.ndarray]) -> None:
    """Write a prepared dataset for ``contenders/job.py``; the codes number the ids of both parts."""
    arrays = {"train_ratings": train[2], "test_ratings": test[2]}
    for place, name in enumerate(("users", "items")):
        ids, codes = np.unique(np.concatenate([train[place], test[place]]), return_inverse=True)
        arrays[f"n_{name}"] = np.int64(len(ids))  # type: ignore[assignment]
        arrays[f"{name[:-1]}_ids"] = ids
        parts = np.split(codes.astype(np.int32), [len(train[place])])
        arrays[f"train_{name}"], arrays[f"test_{name}"] = parts
    path.parent.mkdir(exist_ok=True)
    unfinished = path.with_suffix(".tmp.npz")
    np.savez(unfinished, **arrays)
    unfinished.replace(path)


def median(answers: Iterable[dict], key: str) -> float | None:
    """The median over the rounds that succeeded; None if none did."""
    values = [answer[key] for answer in answers if answer.get(key) is not None]
    return statistics.median(values) if values else None


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; the first column is text, and the others are numbers, aligned right."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(cell(value) for value in line) + " |" for line in lines)


def cell(value: object) -> str:
    """A value as text for a table, with four significant digits; None is a dash."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return str(value)


def ratio(value: float | None, reference: float | None) -> str | None:
    """The value divided by the reference, as text."""
    return None if value is None or not reference else f"{value / reference:.1f}×"


def flops_per_iteration(n_ratings: int, n_users: int, n_items: int, rank: int) -> float:
    """The number of multiplications and additions in an exact iteration of both halves.

    A rating adds one triangle of ``y yᵀ``, and ``t y``, to the system of its row. Each system is factorised
    and solved.
    """
    per_rating = rank * (rank + 1) + 2 * rank
    per_row = rank**3 / 3 + 2 * rank**2
    return 2 * n_ratings * per_rating + (n_users + n_items) * per_row


def describe_machine(answers: Iterable[tuple[str, dict]]) -> str:
    """A text with the processor, memory, system, and the version of every contender that answered."""
    # "cmfrec, CG" and "cmfrec, Cholesky" are the same library.
    versions = {name.partition(",")[0]: answer["version"] for name, answer in answers if "version" in answer}
    release = ".".join(platform.release().split(".")[:2])
    lines = [
        f"- {processor()}, {os.cpu_count()} cores, {memory_gib():.0f} GiB of memory",
        f"- {platform.system()} {release}, Python {platform.python_version()}",
        "- " + ", ".join(f"{name} {version}" for name, version in sorted(versions.items())),
    ]
    return "\n".join(lines)


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
