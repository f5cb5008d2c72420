"""Numbers of `kernels/constants.hpp` can be changed there alone, or the compiler refuses them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
COMPILER = os.environ.get("CXX", "c++")

pytestmark = pytest.mark.skipif(not shutil.which(COMPILER), reason="needs a C++ compiler")


def kernels_with(folder: Path, constants: dict[str, int]) -> Path:
    """A copy of the kernels that has these values in `constants.hpp`."""
    kernels = Path(shutil.copytree(HERE.parents[1] / "kernels", folder / "kernels"))
    header = kernels / "constants.hpp"
    text = header.read_text()
    for name, value in constants.items():
        text, n_changed = re.subn(rf"(constexpr int64_t {name} = )\d+;", rf"\g<1>{value};", text)
        assert n_changed == 1
    header.write_text(text)
    return kernels


def compile_check(kernels: Path, *options: str) -> subprocess.CompletedProcess[str]:
    sources = [HERE / "check.cpp", kernels / "levels" / "level_baseline.cpp"]
    command = [COMPILER, "-std=c++17", f"-I{kernels}", *options, *map(str, sources)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_kernels_are_right_with_other_constants(tmp_path: Path) -> None:
    changed = {"kCacheLine": 128, "kBlock": 32, "kGramRows": 512, "kPackWidth": 64, "kQueryGroup": 7}
    program = tmp_path / "check"
    # What is written or read beyond its memory ends the program, whether or not it would have gone unnoticed.
    built = compile_check(kernels_with(tmp_path, changed), "-O1", "-fsanitize=address", "-o", str(program))
    assert built.returncode == 0, built.stderr
    # The search for leaks needs a permission that containers may lack.
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    run = subprocess.run([str(program)], capture_output=True, text=True, env=environment, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert 0 < float(run.stdout) < 1e-4


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("kBlock", 8, "a block must be whole cache lines"),
        ("kBlock", 48, "a subspace is factorised in whole blocks"),
        ("kGramRows", 0, "the Gram matrix takes at least one row of factors at a time"),
        ("kPackWidth", 30, "a pack is scored in whole registers"),
    ],
)
def test_a_constant_that_cannot_work_is_refused_by_the_compiler(
    tmp_path: Path, name: str, value: int, reason: str
) -> None:
    refused = compile_check(kernels_with(tmp_path, {name: value}), "-fsyntax-only")

    assert refused.returncode != 0
    assert reason in refused.stderr
