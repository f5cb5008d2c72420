"""Puts faults into a copy of the code and sees whether the tests notice: ``python -m tests.mutants.mutants``.

The Python faults are drawn at random among all that `faults_of` finds in the modules below. Each is tested
by the tests that reach its line, the quickest first, as a run under coverage has shown. What survives is
printed, to be judged: either it changes nothing that anybody could notice, or a test is missing. What hangs
with a fault alone is killed as well.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import venv
import xml.etree.ElementTree as ElementTree
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from .kernel_faults import KERNEL_FAULTS, KernelFault
from .python_faults import Fault, faults_of

ROOT = Path(__file__).parents[2]
MODULES = ("models", "solving", "evaluation", "files", "web/security")
TESTS = (
    *("models", "solving", "files", "evaluation", "tuning/test_tuning.py", "kernels/test_draws.py"),
    *("test_metrics.py", "test_public_api.py"),
    *("web/security", "web/middleware", "web/visits", "web/test_application.py"),
)
KERNEL_TESTS = (
    "kernels",
    "ratings",
    "models/test_contract.py",
    "models/test_item_ridge.py",
    "models/test_als.py",
)
# What runs longer hangs.
LONGEST_SECONDS = 600


class Copy:
    """A copy of the tree with an interpreter that imports it, so that nothing here is ever changed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.tree = folder, folder / "tree"
        shutil.rmtree(folder, ignore_errors=True)
        names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
        for name in names.stdout.splitlines():
            (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, self.tree / name)
        found = importlib.util.find_spec("matinee._kernels")
        assert found is not None and found.origin is not None
        self.kernels = self.tree / "src" / "matinee" / Path(found.origin).name
        shutil.copy2(found.origin, self.kernels)
        venv.create(folder / "venv", symlinks=True)
        site = next((folder / "venv").rglob("site-packages"))
        # Without the hooks that lead an editable installation to the tree itself.
        packages = [each for each in sys.path if each.endswith("site-packages")]
        (site / "packages.pth").write_text("\n".join(packages))

    def pytest(self, *arguments: str, seconds: float | None = None) -> int | None:
        """The exit status of pytest in the copy, or None if it took too long."""
        command = [
            str(self.folder / "venv" / "bin" / "python"),
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
        ]
        environment = {**os.environ, "PYTHONPATH": "src", "PYTHONDONTWRITEBYTECODE": "1"}
        process = subprocess.Popen(
            [*command, *arguments],
            cwd=self.tree,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
            return None


def main() -> int:
    """Report the faults that survive; the exit status says whether any did."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300, help="how many faults of Python")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kernels", action="store_true", help="the faults of the kernels instead")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "mutants")
    arguments = parser.parse_args()
    copy = Copy(arguments.folder.resolve())
    if arguments.kernels:
        return _report(KERNEL_FAULTS, lambda fault: _survives_in_kernels(copy, fault))
    reached = TestsByLine(copy)
    faults = drawn(arguments.count, arguments.seed)
    return _report(faults, lambda fault: _survives(copy, fault, reached))


def drawn(count: int, seed: int, modules: Sequence[str] = MODULES) -> list[Fault]:
    """Some of all faults of the modules, drawn at random."""
    paths = [path for module in modules for path in sorted((ROOT / "src" / "matinee" / module).rglob("*.py"))]
    every = [
        fault
        for path in paths
        for fault in faults_of(path.relative_to(ROOT), path.read_text(encoding="utf-8"))
    ]
    return Random(seed).sample(every, min(count, len(every)))


def _report(faults: Any, survives: Callable[[Any], str]) -> int:
    counts: Counter[str] = Counter()
    for place, fault in enumerate(faults, start=1):
        outcome = survives(fault)
        counts[outcome] += 1
        print(f"{place}/{len(faults)} {outcome}: {fault}", flush=True)
    print(", ".join(f"{n} {outcome}" for outcome, n in counts.most_common()))
    return bool(counts["SURVIVED"] + counts["NOT REACHED"])


# ---- Python -----------------------------------------------------------------------------------------


class TestsByLine:
    """Which tests reach a line, from a run of all of them under coverage."""

    __test__ = False

    def __init__(self, copy: Copy) -> None:
        paths = [f"tests/{each}" for each in TESTS]
        times = copy.tree / "build" / "times.xml"
        coverage = ["--cov=matinee", "--cov-context=test", "--cov-report=", f"--junitxml={times}"]
        if copy.pytest(*paths, *coverage) != 0:
            raise SystemExit("the tests fail without any fault; mend that first")
        self._tree = copy.tree
        self._seconds = {
            _test_name(case.get("classname", ""), case.get("name", "")): float(case.get("time", 0))
            for case in ElementTree.parse(times).iter("testcase")
        }
        self._by_line = self._read(copy.tree / "build" / "coverage" / "data")

    def _read(self, path: Path) -> dict[tuple[str, int], set[str]]:
        from coverage import CoverageData

        data = CoverageData(str(path))
        found: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
        data.read()
        for file in data.measured_files():
            name = str(Path(file).relative_to(self._tree))
            for line, contexts in data.contexts_by_lineno(file).items():
                found[name, line] |= {each.partition("|")[0] for each in contexts if each}
        return dict(found)

    def of(self, path: Path, line: int) -> list[str]:
        """The tests that reach a line, the quickest first."""
        return self._quickest_first(self._by_line.get((str(path), line), set()))

    def of_module(self, path: Path) -> list[str]:
        """The tests of a module by its name, or else all that reach it, for what runs when it is imported."""
        lines = [tests for (name, _), tests in self._by_line.items() if name == str(path)]
        reaching = set().union(*lines)
        own = {test for test in reaching if f"/test_{path.stem}.py::" in test}
        return self._quickest_first(own or reaching)

    def _quickest_first(self, tests: set[str]) -> list[str]:
        return sorted(tests, key=lambda test: self._seconds.get(_node_name(test), 0.0))


def _test_name(module: str, name: str) -> str:
    return f"{module}.{name}"


def _node_name(node: str) -> str:
    path, _, name = node.partition("::")
    return _test_name(path.removesuffix(".py").replace("/", "."), name)


def _survives(copy: Copy, fault: Fault, reached: TestsByLine) -> str:
    tests = reached.of(fault.path, fault.line)
    chosen = tests or reached.of_module(fault.path)
    module = copy.tree / fault.path
    original = module.read_text(encoding="utf-8")
    module.write_text(fault.source, encoding="utf-8")
    try:
        (copy.tree / "chosen").write_text("\n".join(chosen))
        status = copy.pytest("-x", "@chosen", seconds=LONGEST_SECONDS)
    finally:
        module.write_text(original, encoding="utf-8")
    if status == 0:
        return "SURVIVED" if tests else "NOT REACHED"
    return "hangs" if status is None else "killed"


# ---- kernels ---------------------------------------------------------------------------------------


def _survives_in_kernels(copy: Copy, fault: KernelFault) -> str:
    path = copy.tree / "kernels" / fault.file
    original = path.read_text(encoding="utf-8")
    if original.count(fault.before) != 1:
        return "NOT FOUND"
    path.write_text(original.replace(fault.before, fault.after), encoding="utf-8")
    try:
        if not _build(copy):
            return "does not compile"
        status = copy.pytest("-x", *(f"tests/{each}" for each in KERNEL_TESTS), seconds=2 * LONGEST_SECONDS)
    finally:
        path.write_text(original, encoding="utf-8")
    return "SURVIVED" if status == 0 else "hangs" if status is None else "killed"


def _build(copy: Copy) -> bool:
    """Build the kernels of the copy; whether they compile."""
    built = copy.folder / "built"
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--upgrade",
        "--target",
        str(built),
    ]
    if subprocess.run([*command, str(copy.tree)], capture_output=True, check=False).returncode:
        return False
    shutil.copy2(built / "matinee" / copy.kernels.name, copy.kernels)
    return True


if __name__ == "__main__":
    sys.exit(main())
