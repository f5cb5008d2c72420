"""What the page on Spark shows runs as it stands, on the session that the tests share."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from matinee.datasets import loading
from tests.conftest import random_ratings
from tests.end_to_end.conftest import Outcome
from tests.end_to_end.test_documents import ON_SPARK, commands_of, run, some_people


@pytest.mark.usefixtures("lasting_session")
def test_its_code_runs_from_top_to_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loading, "demo_arrays", some_people)
    run(ON_SPARK, "demo", tmp_path, monkeypatch)
    assert capsys.readouterr().out


def test_its_commands_run_in_their_order(command: Callable[..., Outcome], tmp_path: Path) -> None:
    random_ratings(90, 60).to_frame().write_parquet(tmp_path / "ratings.parquet")
    commands = commands_of(ON_SPARK)
    assert commands
    for words in commands:
        outcome = command(*words)
        assert outcome.status == 0, f"matinee {shlex.join(words)}: {outcome.err}"
        assert outcome.out
