"""The model that is served, while its file is replaced by a good one, a broken one, and none."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest

import matinee
from matinee.web.cinema.current_model import CurrentModel
from matinee.web.cinema.model_files import fitted_file


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


def test_a_refreshed_model_is_served_until_there_is_a_new_fit(
    path: Path, other_model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "refreshed"
    folder.mkdir()
    current = CurrentModel(path, matinee.load_movies("demo"), refreshed_in=folder)
    fitted_at = current.showing.fitted_at
    fitted = fitted_file(path)
    assert fitted is not None
    shutil.copy(other_model, fitted.refreshed_in(folder))
    assert current.look() and not current.look()
    assert current.showing.model.item_factors_.shape[1] == 2
    assert current.showing.fitted_at == fitted_at
    # A server that starts now serves it from the beginning; one that does not refresh never does.
    started = CurrentModel(path, matinee.load_movies("demo"), refreshed_in=folder)
    assert started.showing.model.item_factors_.shape[1] == 2
    assert CurrentModel(path, matinee.load_movies("demo")).showing.model.item_factors_.shape[1] == 8
    replace(path, path.read_bytes())
    assert current.look()
    assert current.showing.model.item_factors_.shape[1] == 8


def test_a_broken_refresh_does_not_keep_a_server_from_starting(path: Path, tmp_path: Path) -> None:
    fitted = fitted_file(path)
    assert fitted is not None
    fitted.refreshed_in(tmp_path).write_bytes(b"no model")
    current = CurrentModel(path, matinee.load_movies("demo"), refreshed_in=tmp_path)
    assert current.showing.model.item_factors_.shape[1] == 8
