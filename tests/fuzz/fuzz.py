"""Fuzzes for some seconds: ``python -m tests.fuzz.fuzz SECONDS``.

Inputs are made from those of the corpus, and taken by a process beside this one. A finding is an exception
that is no MatineeError, a crash, or an input that takes over 10 seconds or over 2 GB. It is kept in a folder,
to be added to the corpus once it is mended. The exit status says whether there was one.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from .targets import TARGETS, outcome

LONGEST_SECONDS = 10
MOST_BYTES = 2 << 30
# As long as a target is fuzzed before it is the turn of the next.
SLICE_SECONDS = 5.0


def main() -> int:
    """Start one worker after the other until the time is up; report what they did."""
    arguments = _arguments()
    if arguments.worker:
        return work(arguments)
    counts: Counter[str] = Counter()
    ends, turn = time.monotonic() + arguments.seconds, 0
    arguments.findings.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="matinee-fuzz-", dir=_memory_folder()) as folder:
        while (left := ends - time.monotonic()) > 1:
            turn += 1
            counts += _run_worker(arguments, Path(folder), f"{arguments.seed}-{turn}", left)
            print(_report(counts), flush=True)
    found = sorted(arguments.findings.iterdir())
    print(
        f"{sum(n for name, n in counts.items() if name.endswith(' inputs')):,} inputs, {len(found)} findings"
    )
    for path in found:
        if path.suffix == ".txt":
            print(f"\n{path}\n{path.read_text()}")
    return bool(found)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--targets", nargs="+", default=list(TARGETS), choices=list(TARGETS))
    parser.add_argument("--seed", default=str(time.time_ns()))
    parser.add_argument("--findings", type=Path, default=Path("build/fuzz"))
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _memory_folder() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _report(counts: Counter[str]) -> str:
    return ", ".join(f"{n:,} {name}" for name, n in sorted(counts.items()))


def _run_worker(arguments: argparse.Namespace, folder: Path, seed: str, seconds: float) -> Counter[str]:
    """What a worker did before the time was up, or it died of an input, which is then kept."""
    # A worker is replaced every ten minutes, so that a slow leak is not taken for a finding.
    options = ["--worker", str(folder), "--seed", seed, "--findings", str(arguments.findings)]
    command = [sys.executable, "-m", "tests.fuzz.fuzz", str(min(seconds, 600)), *options]
    ended = subprocess.run([*command, "--targets", *arguments.targets], stderr=subprocess.PIPE, check=False)
    progress = folder / "progress.json"
    done = Counter(json.loads(progress.read_text())) if progress.exists() else Counter()
    progress.unlink(missing_ok=True)
    current = folder / "current"
    if ended.returncode and current.exists():
        name = (folder / "target").read_text()
        keep(
            arguments.findings,
            name,
            current,
            f"exit status {ended.returncode}\n{ended.stderr.decode(errors='replace')}",
        )
    elif ended.returncode:
        raise SystemExit(ended.stderr.decode(errors="replace"))
    return done


def keep(findings: Path, target: str, path: Path, reason: str) -> None:
    """Keep an input and the reason; one for each kind of reason."""
    # The last line of our own in the traceback tells findings apart, and not the numbers in the message.
    lines = [line for line in reason.splitlines() if "matinee" in line or "tests/fuzz" in line]
    name = f"{target}-{sha256((lines or [reason])[-1].encode()).hexdigest()[:10]}"
    if not (findings / name).exists():
        shutil.copy(path, findings / name)
        (findings / f"{name}.txt").write_text(reason)


def work(arguments: argparse.Namespace) -> int:
    """Fuzz each target in turn until the time is up."""
    faulthandler.enable()
    targets = {name: TARGETS[name]() for name in arguments.targets}
    seeds = {name: target.seeds() for name, target in targets.items()}
    for name, target in targets.items():
        for _, data in seeds[name][:1]:
            _try(target, arguments, data, Counter())
    _limit_memory()
    # One for each target, so that from one seed a slower machine takes fewer of the same inputs.
    rngs = {name: Random(f"{arguments.seed}-{name}") for name in targets}
    counts, ends = Counter[str](), time.monotonic() + arguments.seconds
    while time.monotonic() < ends:
        for name, target in targets.items():
            slice_ends = min(time.monotonic() + SLICE_SECONDS, ends)
            while time.monotonic() < slice_ends:
                data = target.mutated(rngs[name], rngs[name].choice(seeds[name])[1])
                counts[f"{name} inputs"] += 1
                _try(target, arguments, data, counts)
            (arguments.worker / "progress.json").write_text(json.dumps(counts))
    return 0


def _limit_memory() -> None:
    """2 GB beyond what a worker has when it begins, of which threads have reserved most for nothing."""
    import resource  # which Windows lacks

    status = Path("/proc/self/status").read_text()
    taken = int(status.split("VmSize:")[1].split()[0]) << 10
    resource.setrlimit(resource.RLIMIT_AS, (taken + MOST_BYTES, resource.RLIM_INFINITY))


def _try(target: Any, arguments: argparse.Namespace, data: bytes, counts: Counter[str]) -> None:
    path = arguments.worker / "current"
    path.write_bytes(data)
    (arguments.worker / "target").write_text(target.name)
    faulthandler.dump_traceback_later(LONGEST_SECONDS, exit=True)
    try:
        counts[f"{target.name} accepted"] += outcome(target, path)
    except Exception:
        # The input may have been written to since, as a study is.
        path.write_bytes(data)
        keep(arguments.findings, target.name, path, traceback.format_exc())
        counts[f"{target.name} findings"] += 1
    finally:
        faulthandler.cancel_dump_traceback_later()
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
