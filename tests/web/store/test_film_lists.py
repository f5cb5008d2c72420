"""Lists of films that a visitor keeps."""

from __future__ import annotations

import pytest

from matinee.web.store import film_lists
from matinee.web.store.engine import Store
from matinee.web.store.film_lists import LISTS, FilmList
from tests.web.stored import new_visitor


@pytest.mark.parametrize("films", LISTS)
def test_a_list_has_each_film_once_and_forgets_what_is_removed(store: Store, films: FilmList) -> None:
    visitor, other = new_visitor(store), new_visitor(store)
    with store.writing() as session:
        film_lists.add(session, films, visitor, ["1", "2", "1"])
    with store.writing() as session:
        film_lists.add(session, films, visitor, ["2", "3"])
        film_lists.add(session, films, other, ["9"])
    with store.writing() as session:
        assert film_lists.remove(session, films, visitor, "1")
        assert not film_lists.remove(session, films, visitor, "9")
    with store.reading() as session:
        assert sorted(film_lists.items_in(session, films, visitor)) == ["2", "3"]
        assert film_lists.items_in(session, films, other) == ["9"]


def test_the_lists_of_two_become_those_of_one(store: Store) -> None:
    before, account = new_visitor(store), new_visitor(store)
    with store.writing() as session:
        for films in LISTS:
            film_lists.add(session, films, before, ["1", "2"])
            film_lists.add(session, films, account, ["2", "3"])
        film_lists.merge(session, before, account)
    with store.reading() as session:
        for films in LISTS:
            assert sorted(film_lists.items_in(session, films, account)) == ["1", "2", "3"]
            assert film_lists.items_in(session, films, before) == []
