"""Databases that are none."""

from __future__ import annotations

import pytest

from matinee.errors import DataError
from matinee.web.store.engine import Store


@pytest.mark.parametrize(
    "url", ["mysql://host/name", "sqlite://", "sqlite:///:memory:", "nonsense", "postgresql+asyncpg://h/n"]
)
def test_any_other_database_is_refused_with_what_is_expected(url: str) -> None:
    with pytest.raises(DataError, match="expected sqlite:///path or postgresql"):
        Store(url)
