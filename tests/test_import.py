"""What `import matinee` loads, and that what it does not load is there all the same."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys

import pytest

import matinee

# numpy and polars are always there, and what they load is theirs to decide.
EVERYTHING = """
import sys
import narwhals, numpy, polars

before = set(sys.modules)
import matinee

for name in (*matinee.__all__, "__version__"):
    getattr(matinee, name)
print(*set(sys.modules) - before)
"""
NOTHING = """
import sys

before = set(sys.modules)
import matinee

print(*set(sys.modules) - before)
"""
ONE_NAME = "import sys; from matinee import ALS; print(*sys.modules)"
FOR_DOWNLOADS = {"filelock", "http.client", "platformdirs", "ssl", "tarfile", "urllib.request"}
FOR_EXTRAS = {"jinja2", "matplotlib", "mlflow", "optuna", "pyspark", "sklearn", "sqlalchemy"}
FOR_COMMANDS = {"IPython", "rich", "tqdm", "typer"}


def loaded_by(script: str) -> set[str]:
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_importing_matinee_loads_nothing_else_of_it_and_no_library() -> None:
    loaded = loaded_by(NOTHING)
    assert {name for name in loaded if name.startswith("matinee")} == {"matinee"}
    assert loaded.isdisjoint({"narwhals", "numpy", "polars", "safetensors", "threadpoolctl"})


def test_a_name_loads_what_it_needs_and_no_folder_besides() -> None:
    loaded = loaded_by(ONE_NAME)
    assert {"matinee.models", "matinee.solving", "numpy"} <= loaded
    others = {f"matinee.{name}" for name in ("datasets", "evaluation", "plots", "spark", "tuning")}
    assert loaded.isdisjoint(others)


def test_all_names_together_load_nothing_for_downloads_draws_extras_or_commands() -> None:
    loaded = loaded_by(EVERYTHING)
    assert {"matinee.datasets.download", "matinee.tuning", "matinee.plots", "matinee.spark"} <= loaded
    assert loaded.isdisjoint(FOR_DOWNLOADS | FOR_EXTRAS | FOR_COMMANDS | {"numpy.random"})


def test_what_type_checkers_see_is_what_a_program_gets() -> None:
    """The imports for type checkers, which never run, name the same things as are loaded."""
    seen: dict[str, str | None] = {}
    (block,) = (
        node
        for node in ast.parse(inspect.getsource(matinee)).body
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name)
    )
    for node in block.body:
        if isinstance(node, ast.ImportFrom):
            seen |= {alias.name: node.module for alias in node.names}
    assert sorted(seen) == sorted(matinee.__all__) == matinee.__all__
    for name, home in seen.items():
        found = getattr(matinee, name)
        assert found is (
            sys.modules[f"matinee.{name}"] if home == "matinee" else getattr(sys.modules[home], name)
        )


def test_all_names_are_listed_and_no_other_is_there() -> None:
    assert {*matinee.__all__, "__version__", "metrics", "models"} <= set(dir(matinee))
    assert not {"Any", "TYPE_CHECKING", "import_module"} & set(dir(matinee))
    assert all(hasattr(matinee, name) for name in dir(matinee))
    with pytest.raises(AttributeError, match="module 'matinee' has no attribute 'als'"):
        matinee.als  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'als' from 'matinee'"):
        from matinee import als  # type: ignore[attr-defined]  # noqa: F401
