"""The model that is served, while its file is replaced by a good one, a broken one, and none."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest

import matinee
from matinee.web.cinema.current_model import CurrentModel


@pytest.fixture
def path(tmp_path: Path, demo_model: Path) -> Path:
    return Path(shutil.copy(demo_model, tmp_path / "model.safetensors"))


def replace(path: Path, content: bytes) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)


def test_a_replaced_file_is_taken_up_and_a_request_goes_on_with_what_it_began_with(
    path: Path, other_model: Path
) -> None:
    current = CurrentModel(path, matinee.load_movies("demo"))
    begun = current.showing
    assert not current.look()
    other = matinee.load(other_model)
    replace(path, other_model.read_bytes())
    item = begun.model.item_index_.id_at(0)
    before = begun.model.fold_in({item: 4.0}).recommend(3)
    assert current.look()
    assert current.showing.model.item_factors_.shape[1] == 2
    assert begun.model.fold_in({item: 4.0}).recommend(3) == before
    assert current.showing.model.fold_in({item: 4.0}).recommend(3) == other.fold_in({item: 4.0}).recommend(3)


@pytest.mark.parametrize("content", [b"", b"no model", b"\xff" * 1000])
def test_a_broken_file_is_reported_once_and_the_old_model_goes_on(
    path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    current = CurrentModel(path, matinee.load_movies("demo"))
    begun, good = current.showing, path.read_bytes()
    replace(path, content)
    with caplog.at_level(logging.ERROR):
        assert not current.look()
        assert not current.look()
    assert current.showing is begun
    assert len(caplog.records) == 1
    assert str(path) in caplog.text
    replace(path, good)
    assert current.look()


def test_a_file_that_is_gone_changes_nothing(path: Path) -> None:
    current = CurrentModel(path, matinee.load_movies("demo"))
    begun = current.showing
    path.unlink()
    assert not current.look()
    assert current.showing is begun
