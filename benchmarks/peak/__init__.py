"""The machine's peak of multiply-adds in single precision, which the kernels are held against."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_name("multiply_add.cpp")
FLAGS = ("-std=c++17", "-O3", "-march=native", "-ffp-contract=fast", "-pthread")
RUNS = 3


def peak_gigaflops(n_threads: int) -> float:
    """10⁹ flops a second that so many threads do at best, by a program compiled for this machine."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "multiply_add"
        compiler = os.environ.get("CXX", "c++")
        subprocess.run([compiler, *FLAGS, str(SOURCE), "-o", str(program)], check=True)
        runs = [
            subprocess.run([str(program), str(n_threads)], check=True, capture_output=True, text=True)
            for _ in range(RUNS)
        ]
    return max(float(run.stdout) for run in runs) / 1e9
