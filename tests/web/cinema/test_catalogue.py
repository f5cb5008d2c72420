"""Search by the words of titles, held against looking at every title in turn."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matinee.web.cinema.catalogue import Catalogue, Filters
from matinee.web.cinema.films import Film
from matinee.web.cinema.search_text import without_accents, words
from matinee.web.cinema.showing import Showing


def film(item: str, title: str, year: int | None = None, n_ratings: int = 0, *genres: str) -> Film:
    return Film(item, title, year, genres, n_ratings, -1)


CATALOGUE = Catalogue(
    [
        film("1", "Star Wars", 1977, 500, "Sci-Fi"),
        film("2", "Stardust", 2007, 300, "Fantasy", "Romance"),
        film("3", "Star!", 1968, 2, "Musical"),
        film("4", "A Star Is Born", 1954, 900, "Drama", "Musical"),
        film("5", "Amélie", 2001, 100, "Comedy", "Romance"),
        film("6", "The Matrix", 1999, 400, "Action", "Sci-Fi"),
        film("7", "Matrix Revolutions", 2003, 450, "Action", "Sci-Fi"),
        film("8", "Schindler's List", 1993, 350, "Drama"),
        film("9", "Alien", 1979, 300, "Horror", "Sci-Fi"),
        film("10", "Alien Nation", 1988, 800, "Sci-Fi"),
        film("11", "Løvejagten", None, 1),
        film("12", "Weiß", 1970, 1),
    ]
)


def titles(query: str, **options: object) -> list[str]:
    return [one.title for one in CATALOGUE.search(query, **options).films]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("amelie", "Amélie"),
        ("AMÉLIE", "Amélie"),
        ("ame\N{COMBINING ACUTE ACCENT}l", "Amélie"),
        ("star w", "Star Wars"),
        ("wars sta", "Star Wars"),
        ("matrix", "The Matrix"),
        ("the matrix", "The Matrix"),
        ("matrix rev", "Matrix Revolutions"),
        ("schindlers", "Schindler's List"),
        ("schindler’s list", "Schindler's List"),
        ("alien", "Alien"),
        ("alien 1988", "Alien Nation"),
        ("star", "Star!"),
        ("lovejagten", "Løvejagten"),
        ("weiss", "Weiß"),
    ],
)
def test_a_film_is_found_however_it_is_typed(query: str, first: str) -> None:
    assert titles(query)[0] == first


def test_a_title_that_begins_with_the_query_comes_before_a_more_popular_one_that_does_not() -> None:
    assert titles("star") == ["Star!", "A Star Is Born", "Star Wars", "Stardust"]


def test_of_equal_matches_the_most_rated_comes_first() -> None:
    assert titles("star w") == ["Star Wars"]
    assert (
        titles("") == [one.title for one in sorted(CATALOGUE.values(), key=lambda one: -one.n_ratings)][:20]
    )


def test_nothing_is_found_for_a_word_that_no_title_has() -> None:
    for query in ("star zzz", "qqqq", "x" * 200, "\N{SNOWMAN}x"):
        found = CATALOGUE.search(query)
        assert (found.films, found.n_found) == ([], 0)
    assert Catalogue([]).search("star").films == []


def test_filters_take_all_their_genres_and_both_ends_of_the_years() -> None:
    assert titles("", filters=Filters(("Sci-Fi", "Action"))) == ["Matrix Revolutions", "The Matrix"]
    assert titles("", filters=Filters(year_from=1977, year_to=1979)) == ["Star Wars", "Alien"]
    assert titles("l", filters=Filters(year_to=1993)) == ["Schindler's List"]
    assert titles("", filters=Filters(("No such genre",))) == []


def test_pages_of_a_search_are_its_whole_in_parts() -> None:
    whole = titles("", limit=100)
    parts = [title for offset in range(0, 12, 5) for title in titles("", limit=5, offset=offset)]
    assert parts == whole
    assert CATALOGUE.search("", limit=5).n_found == len(whole) == 12


@settings(max_examples=200, deadline=None)
@given(query=st.text(alphabet="starwmix elé19!'", max_size=12))
def test_what_is_found_is_what_a_look_at_every_title_finds(query: str) -> None:
    def bare(text: str) -> str:
        decomposed = unicodedata.normalize("NFD", text.lower().replace("'", ""))
        return "".join(letter if letter.isalnum() else " " for letter in decomposed if letter != "\u0301")

    expected = {
        one.item
        for one in CATALOGUE.values()
        if all(
            any(word.startswith(asked) for word in f"{bare(one.title)} {one.year or ''}".split())
            for asked in bare(query).split()
        )
    }
    found = CATALOGUE.search(query, limit=100)
    assert found.is_near == (not expected)
    if expected:
        assert {one.item for one in found.films} == expected


@given(text=st.text())
def test_removing_accents_a_second_time_changes_nothing(text: str) -> None:
    once = " ".join(words(text))
    assert " ".join(words(once)) == once
    assert without_accents(without_accents(text)) == without_accents(text)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("godfater", "The Godfather"),
        ("the godfahter", "The Godfather"),
        ("god father", "The Godfather"),
        ("gofathe", "The Godfather"),
        ("starwars", "Star Wars"),
        ("terminator two", "Terminator 2: Judgment Day"),
        ("terminater", "The Terminator"),
        ("alein", "Alien"),
        ("spiderman", "Spider-Man"),
        ("casblanca", "Casablanca"),
        ("amelei", "Amélie"),
        ("sevn samurai", "Seven Samurai"),
        ("seven samurii", "Seven Samurai"),
        ("empire strike bck", "The Empire Strikes Back"),
        ("shawshank redemtion", "The Shawshank Redemption"),
        ("2001 a space odissey", "2001: A Space Odyssey"),
        ("schindlers lst", "Schindler's List"),
        ("chinatonw", "Chinatown"),
    ],
)
def test_a_mistyped_title_is_found(showing: Showing, query: str, first: str) -> None:
    found = showing.catalogue.search(query)
    assert found.is_near and found.films[0].title == first


def test_what_is_like_the_query_is_filtered_too(showing: Showing) -> None:
    near = showing.catalogue.search("godfater", filters=Filters(year_from=1974))
    assert near.is_near and near.films[0].title == "The Godfather Part II"
    assert showing.catalogue.search("godfater", filters=Filters(("Western",))).films == []


def test_any_one_letter_may_be_wrong_in_a_title_of_two_words(showing: Showing) -> None:
    for title in ("Blade Runner", "Toy Story", "Jurassic Park", "Forrest Gump"):
        for place in range(len(title)):
            for typed in (f"{title[:place]}{title[place + 1 :]}", f"{title[:place]}q{title[place + 1 :]}"):
                assert title in [one.title for one in showing.catalogue.search(typed, limit=3).films], typed


def test_every_film_of_the_built_in_cinema_is_found_by_its_title(showing: Showing) -> None:
    for one in showing.catalogue.values():
        found = showing.catalogue.search(f"{one.title} {one.year}", limit=3).films
        assert one in found, one
