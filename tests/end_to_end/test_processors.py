"""One build on processors that this machine is not, by emulation: no AVX at all, AVX2 alone, and Arm."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from matinee import _kernels

ROOT = Path(__file__).parents[2]
KERNELS = ROOT / "kernels"

# Loads the extension alone: polars, which the package imports, asks for a newer processor than we do.
SCRIPT = """
    import importlib.util
    import sys
    import numpy as np

    spec = importlib.util.spec_from_file_location("_kernels", sys.argv[1])
    kernels = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kernels)
    generator = np.random.default_rng(0)
    worst = 0.0
    for rank in (1, 10, 33, 64):
        indptr = np.array([0, 20, 50], dtype=np.int64)
        columns = np.concatenate([np.arange(20), np.arange(30)]).astype(np.int32)
        values = generator.random(50).astype(np.float32)
        fixed = generator.normal(size=(30, rank)).astype(np.float32)
        ridge, found = np.ones(2, np.float32), np.zeros((2, rank), np.float32)
        kernels.solve_rows(
            indptr, columns, values, feedback="ratings", confidence=0.0, unobserved=0.0, fixed=fixed,
            column_biases=None, offset=0.0, ridge=ridge, prior=None, shift=None, spread=0.0, seed=0,
            same_noise=False, solver="cholesky", n_steps=0, refine_always=False, solution=found, biases=None,
            squared_errors=None, penalties=None, n_threads=2,
        )
        for row in range(2):
            part = slice(indptr[row], indptr[row + 1])
            y = fixed[columns[part]].astype(float)
            x = np.linalg.solve(y.T @ y + np.eye(rank), y.T @ values[part])
            worst = max(worst, np.linalg.norm(found[row] - x) / np.linalg.norm(x))
    print(",".join(kernels.levels()), kernels.level(), worst < 1e-5)
"""


@pytest.mark.needs("qemu")
@pytest.mark.parametrize(("processor", "levels"), [("Nehalem", "baseline"), ("Haswell", "avx2,baseline")])
def test_the_widest_level_that_a_processor_has_is_picked_and_right(processor: str, levels: str) -> None:
    # The forced core types that some machines set for OpenBLAS would not run on the emulated processor.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
    environment["OPENBLAS_CORETYPE"] = processor
    run = subprocess.run(
        ["qemu-x86_64", "-cpu", processor, sys.executable, "-c", textwrap.dedent(SCRIPT), _kernels.__file__],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert run.stdout.split() == [levels, levels.split(",")[0], "True"], run.stderr[-2000:]


@pytest.mark.needs("qemu", "g++ for Arm")
def test_the_kernels_are_right_on_arm(tmp_path: Path) -> None:
    program = tmp_path / "check"
    sources = [ROOT / "tests" / "kernels" / "check.cpp", KERNELS / "levels" / "level_baseline.cpp"]
    flags = ["-std=c++17", "-O3", "-ffp-contract=fast", "-fno-math-errno", "-static", f"-I{KERNELS}"]
    subprocess.run(["aarch64-linux-gnu-g++", *flags, *map(str, sources), "-o", str(program)], check=True)
    run = subprocess.run(["qemu-aarch64", str(program)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert 0 < float(run.stdout) < 1e-4
