"""Bars in a real kernel of Jupyter, as its outputs and as the page that a notebook becomes."""

from __future__ import annotations

import re
from html import escape
from typing import Any

import nbclient
import nbformat
import pytest

from matinee.progress import _seconds
from tests.conftest import SECONDS

# What the cells run for is over before a second is, so for the first of them that second is none.
START = """
import time, types
import matinee
from matinee import progress

class AtOnce:
    def __init__(self, seconds, show):
        assert seconds == 1
        self.start, self.cancel = show, lambda: None

real = progress.threading
progress.threading = types.SimpleNamespace(Lock=real.Lock, Timer=AtOnce)
progress.SECONDS_BETWEEN_CHANGES = 0
train, test = matinee.split(matinee.load_dataset("demo"))
model = matinee.ALS(n_factors=2, n_iterations=5)
"""
FAILS = """
def stop(record):
    if record.iteration == 3:
        raise ValueError
try:
    model.fit(train, callback=stop)
except ValueError:
    pass
"""
DOWNLOAD = """
with progress.progress_bar("<a>.zip", None, shown=True, in_bytes=True) as bar:
    bar.update(2_500_000, total=5_040_000)
"""
# The timer's own second, and a bar that is there before the work has reported anything.
SLOW = """
progress.threading = real
with progress.progress_bar("slow", 7, shown=True) as bar:
    while not bar._is_shown:
        time.sleep(0.01)
"""
CELLS = {
    "start": START,
    "fit": "_ = model.fit(train)",
    "evaluate": "_ = matinee.evaluate(model, test)",
    "compare": "_ = matinee.compare([model, matinee.baselines.MostPopular().fit(train)], test)",
    "closed form": "_ = matinee.ItemRidge().fit(train)",
    "failure": FAILS,
    "download": DOWNLOAD,
    "search": "_ = matinee.tune(train.subset(range(5000)), n_trials=2)",
    "silent": """
_ = model.fit(train, progress=False)
_ = matinee.evaluate(model, test, progress=False)
_ = matinee.compare([model], test, progress=False)
_ = matinee.ItemRidge().fit(train, progress=False)
_ = matinee.tune(train.subset(range(5000)), n_trials=2, progress=False)
""",
    "slow": SLOW,
    "quick": "progress.SECONDS_BEFORE_A_BAR = 3600\n_ = model.fit(train)",
}


@pytest.fixture(scope="module")
def outputs() -> dict[str, list[dict[str, Any]]]:
    """The outputs of each cell, after a run from top to bottom."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS.values()])
    nbclient.NotebookClient(notebook, timeout=SECONDS, kernel_name="python3").execute()
    return {name: cell.outputs for name, cell in zip(CELLS, notebook.cells, strict=True)}


def shown(output: dict[str, Any]) -> tuple[str, str]:
    """What a display shows as text and as HTML."""
    assert output["output_type"] == "display_data", output
    return output["data"]["text/plain"], output["data"]["text/html"]


ENDS = {
    "fit": (r"fit: 5 of 5 · RMSE 0\.\d+ · \d.*s", 'value="5" max="5"'),
    "evaluate": (r"evaluate: (\d,\d+) of \1 · \d.*s", "value="),
    "compare": (r"compare: (\d+,\d+) of \1 · \d.*s", "value="),
    "closed form": (r"fit: \d.*s", 'value="1" '),
    "failure": (r"fit: 3 of 5 · RMSE 0\.\d+ · stopped after \d.*s", 'value="3" max="5"'),
    "download": (r"<a>\.zip: 2\.5 of 5\.0 MB · \d.*s", 'value="2500000" max="5040000"'),
    "slow": (r"slow: 0 of 7 · \d.*s", 'value="0" max="7"'),
}


@pytest.mark.parametrize("name", ENDS)
def test_work_leaves_one_line_that_says_how_it_ended(
    outputs: dict[str, list[dict[str, Any]]], name: str
) -> None:
    (output,) = outputs[name]
    text, html = shown(output)
    expected, value = ENDS[name]
    assert re.fullmatch(expected, text)
    assert html.startswith(f"<div>{escape(text.split(': ')[0])} <progress {value}")
    assert html.endswith(f"</progress> {text.split(': ')[1]}</div>")


def test_a_search_leaves_a_line_and_its_last_fit_another(outputs: dict[str, list[dict[str, Any]]]) -> None:
    search, fit = map(shown, outputs["search"])
    assert re.fullmatch(r"tune: 2 of 2 · rmse \d\.\d+ · \d.*s", search[0])
    assert fit[0].startswith("fit: ")


@pytest.mark.parametrize("name", ["start", "silent", "quick"])
def test_work_that_is_short_or_asked_to_be_silent_shows_nothing(
    outputs: dict[str, list[dict[str, Any]]], name: str
) -> None:
    assert outputs[name] == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1:00 min"),
        (65, "1:05 min"),
        (3599.4, "59:59 min"),
        (3600, "1:00 h"),
        (7380, "2:03 h"),
    ],
)
def test_durations_are_told_in_words(seconds: float, text: str) -> None:
    assert _seconds(seconds) == text
