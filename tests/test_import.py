"""What `import matinee` loads: nothing that most programs never use."""

from __future__ import annotations

import subprocess
import sys

# numpy and polars are always there, and what they load is theirs to decide.
SCRIPT = """
import sys
import narwhals, numpy, polars

before = set(sys.modules)
import matinee

print(*set(sys.modules) - before)
"""
FOR_DOWNLOADS = {"filelock", "http.client", "platformdirs", "ssl", "urllib.request"}
FOR_EXTRAS = {"jinja2", "matplotlib", "optuna", "pyspark", "sqlalchemy"}


def test_importing_matinee_loads_nothing_for_downloads_draws_or_extras() -> None:
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "matinee.datasets.download" in loaded
    assert loaded.isdisjoint(FOR_DOWNLOADS | FOR_EXTRAS | {"numpy.random"})
