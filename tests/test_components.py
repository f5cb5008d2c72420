"""What a run says of the tests that it has skipped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .components import untested

ROOT = Path(__file__).parents[1]


def test_a_run_without_skips_ends_without_a_line() -> None:
    assert untested([]) == ""


def test_skips_are_counted_by_component_and_installed_by_one_command() -> None:
    reasons = [
        *["there is no chromium; install the package of this name"] * 29,
        "needs qemu and g++ for Arm",
        "needs qemu",
        "MATINEE_DATA is not set: no MovieLens data here",
    ]
    line = untested(reasons)
    assert "\n" not in line
    assert "Chromium (29 tests), qemu (2 tests), g++ for Arm (1 test), MATINEE_DATA (1 test)" in line
    assert "apt-get install chromium fonts-dejavu-core qemu-user g++-aarch64-linux-gnu && " in line
    assert "matinee download ml-100k" in line


def test_a_skip_for_another_reason_is_told_as_it_is() -> None:
    assert untested(["makes a link"] * 2) == "not tested: makes a link (2 tests)"


@pytest.mark.parametrize(("in_ci", "status"), [("", 0), ("true", 1)])
def test_a_skip_fails_a_run_in_ci_alone(in_ci: str, status: int) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {"CI": in_ci, "MATINEE_DATA": ""}
    module, test = "tests/datasets/test_readers.py", "movielens_100k"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", module, "-k", test]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
    assert run.returncode == status, run.stdout
    last = run.stdout.splitlines()[-1 - (status != 0)]
    assert last.startswith("not tested: MATINEE_DATA (1 test)")
