"""The secret that signs cookies."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from matinee.errors import DataError
from matinee.web.security.secret_key import secret_key


def test_the_secret_is_made_once_for_its_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MATINEE_SECRET", raising=False)
    folder = tmp_path / "new"
    first = secret_key(folder)
    assert len(first) == 64
    assert secret_key(folder) == first
    assert stat.S_IMODE((folder / "secret").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [file.name for file in folder.iterdir()] == ["secret"]
    assert secret_key(tmp_path / "other") != first


def test_a_secret_that_others_may_read_is_refused_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MATINEE_SECRET", raising=False)
    secret_key(tmp_path)
    (tmp_path / "secret").chmod(0o644)
    with pytest.raises(DataError, match="chmod 600"):
        secret_key(tmp_path)


def test_a_secret_in_the_environment_is_used_and_a_short_one_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MATINEE_SECRET", "s" * 40)
    assert secret_key(tmp_path) == "s" * 40
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("MATINEE_SECRET", "short")
    with pytest.raises(DataError, match="at least 32"):
        secret_key(tmp_path)
