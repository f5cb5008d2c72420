import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matinee.datasets.movie_files import read_movies
from matinee.datasets.movies import Movie, Movies
from matinee.datasets.titles import movie_title
from matinee.errors import DataError, MatineeError
from matinee.models.features.features import FeatureColumns, FeatureTable

MOVIES = [
    Movie(2, "Les Misérables", 1995, ("Drama", "Musical")),
    Movie(5, "Hello, Dolly!", 1969, ("Musical",)),
    Movie(9, 'The "Best" of It', None, ()),
]
DAT = '2::Misérables, Les (1995)::Drama|Musical\n5::Hello, Dolly! (1969)::Musical\n9::"Best" of It, The::\n'
CSV = (
    'movieId,title,genres\n2,"Misérables, Les (1995)",Drama|Musical\n5,"Hello, Dolly! (1969)",Musical\n'
    '9,"""Best"" of It, The",(no genres listed)\n'
)
U_ITEM = (
    "2|Misérables, Les (1995)|01-Jan-1995||http://x|0|0|0|0|0|0|0|0|1|0|0|0|1|0|0|0|0|0|0\n"
    "5|Hello, Dolly!|16-Dec-1969||http://x|0|0|0|0|0|0|0|0|0|0|0|0|1|0|0|0|0|0|0\n"
    '9|"Best" of It, The||||1|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0\n'
)
FORMS = {
    "movies.dat": DAT.encode("latin-1"),
    "movies.dat in UTF-8": DAT.encode(),
    "movies.csv": CSV.encode(),
    "movies.csv from Windows": b"\xef\xbb\xbf" + CSV.replace("\n", "\r\n").encode(),
    "u.item": U_ITEM.encode("latin-1"),
    "gzipped": gzip.compress(CSV.encode(), mtime=0),
}


def written(folder, content):
    path = folder / "movies"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_movies(tmp_path, form):
    assert list(read_movies(written(tmp_path, FORMS[form])).values()) == MOVIES


@pytest.mark.parametrize(
    ("written_as", "title", "year"),
    [
        ("Toy Story (1995)", "Toy Story", 1995),
        ("Matrix, The (1999)", "The Matrix", 1999),
        ("Avventura, L' (Adventure, The) (1960)", "L'Avventura (The Adventure)", 1960),
        ("City of Lost Children, The (Cité des enfants perdus, La) (1995)",
         "The City of Lost Children (La Cité des enfants perdus)", 1995),
        ("Professional, The (a.k.a. Leon: The Professional) (1994)",
         "The Professional (a.k.a. Leon: The Professional)", 1994),
        ("Fire (a.k.a. Brand, Die) (1949)", "Fire (a.k.a. Die Brand)", 1949),
        ("Land Before Time III (1995) (V)", "Land Before Time III", 1995),
        ("Big Serial (2006–2007)", "Big Serial", 2006),
        ("Big Serial (2006-)", "Big Serial", 2006),
        ("2001: A Space Odyssey (1968)", "2001: A Space Odyssey", 1968),
        ("Paris, Texas (1984)", "Paris, Texas", 1984),
        ("Good, the Bad and the Ugly, The (1966)", "The Good, the Bad and the Ugly", 1966),
        ("1984", "1984", None),
        ("(1995)", "(1995)", 1995),
    ],
)  # fmt: skip
def test_a_title_is_written_for_people_and_its_year_set_apart(written_as, title, year):
    assert movie_title(written_as) == (title, year)


def test_a_movie_prints_as_title_and_year():
    assert [str(movie) for movie in MOVIES[1:]] == ["Hello, Dolly! (1969)", 'The "Best" of It']


def test_movies_are_a_mapping_that_names_unknown_items_by_their_id():
    movies = Movies(MOVIES)
    assert list(movies) == [2, 5, 9]
    assert movies[np.int64(5)] is MOVIES[1]
    assert movies.title(5) == "Hello, Dolly!"
    assert movies.title(77) == "77"
    assert 77 not in movies
    frame = movies.to_frame()
    assert frame.rows() == [(movie.item, movie.title, movie.year, list(movie.genres)) for movie in MOVIES]


def test_ids_are_strings_if_any_of_them_is(tmp_path):
    movies = read_movies(written(tmp_path, b"id;name\ntt1;One\n2;Two\n"))
    assert list(movies) == ["tt1", "2"]
    assert list(read_movies(written(tmp_path, b"007::Bond\n8::Other\n"))) == ["007", "8"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"1::A::X\n2::B::X::Y\n", ", line 2: 4 fields; expected item::title::genres"),
        (b"1::A::X\n2\n", ", line 2: 1 field; expected item::title::genres"),
        (b"1::A::X\n::B::X\n", ", line 2: the item is missing"),
        (b"1::A::X\n2::::X\n", ", line 2: the title is missing"),
        (b"1::A::X\n2::B::\n1::C::\n", ", line 3: item 1 is given again, after line 1"),
        (b"movieId,title,genres\n", ": there are no movies in the file"),
        (b"hello\n", ", line 1: expected item::title::genres, or a header with item and title; got 'hello'"),
        (b"", ": the file is empty"),
        (b"1::A::\x00\n", ", line 1: holds binary data (a NUL byte)"),
        (gzip.compress(CSV.encode(), mtime=0)[:-9], ": the gzip file is truncated or damaged"),
    ],
)
def test_a_fault_is_named_with_its_file_and_line(tmp_path, content, message):
    path = written(tmp_path, content)
    with pytest.raises(DataError) as caught:
        read_movies(path)
    assert str(caught.value).startswith(f"{path}{message}")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="absent: there is no such file"):
        read_movies(tmp_path / "absent")


def test_movies_with_the_same_id_are_refused():
    with pytest.raises(DataError, match="item 2 is given twice"):
        Movies([MOVIES[0], MOVIES[0]])


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "movies"


@settings(max_examples=300)
@given(
    head=st.sampled_from([b"", *FORMS.values()]),
    cut=st.integers(0, 200),
    tail=st.binary(max_size=200)
    | st.lists(st.sampled_from([b"1", b"::", b",", b'"', b"|", b"\n", b"A"])).map(b"".join),
)
def test_whatever_the_bytes_the_answer_is_movies_or_one_of_our_errors(scratch, head, cut, tail):
    scratch.write_bytes(head[:cut] + tail)
    try:
        movies = read_movies(scratch)
    except MatineeError as error:
        assert str(scratch) in str(error)
    else:
        assert all(movie.title for movie in movies.values())


@pytest.mark.parametrize(("name", "count"), [("ml-1m/movies.dat", 3_883), ("ml-100k/u.item", 1_682)])
def test_the_movie_files_of_movielens_are_read_whole(movielens, name, count):
    movies = read_movies(movielens(name))
    assert len(movies) == count
    assert str(movies[1]) == "Toy Story (1995)"
    assert movies[1].genres == ("Animation", "Children's", "Comedy")
    assert any("é" in movie.title for movie in movies.values())
    assert movies.features().height == count
    assert movies.features()["year"].is_between(1900, 2000).all()


def test_the_features_are_years_and_genres_and_a_missing_year_is_the_mean_of_the_others():
    features = Movies(MOVIES).features()
    assert features.rows() == [
        (2, 1995.0, ["Drama", "Musical"]),
        (5, 1969.0, ["Musical"]),
        (9, (1995 + 1969) / 2, []),
    ]
    assert features.columns == ["item", "year", "genres"]


def test_periods_and_what_genres_have_in_common_are_features_of_movies_that_share_them():
    shared = [Movie(n, f"{n}", 1990 + n, ("War", "Drama")) for n in range(5)]
    frame = Movies([*shared, Movie(7, "7", 1991, ("War", "Crime")), Movie(8, "8", 2005)]).features()
    assert frame.columns == ["item", "year", "genres", "genre_pairs", "genre_decades"]
    of_shared = (["Drama & War"], ["War, 1990-1999", "Drama, 1990-1999"])
    assert frame.drop("item", "year", "genres").rows() == [
        *[of_shared] * 5,
        ([], ["War, 1990-1999"]),
        ([], []),
    ]
    many = Movies([Movie(n, f"{n}", 1995 + n // 4) for n in range(11)]).features()
    assert many["years"].to_list() == [["1995-1997"]] * 11
    few = Movies([Movie(n, f"{n}", 1995 + n // 4) for n in range(4)]).features()
    assert few.columns == ["item", "year"]


def test_a_missing_year_says_nothing_of_a_movie():
    table = FeatureTable.read(Movies(MOVIES).features(), "item")
    encoded = FeatureColumns.from_frame(table.frame).encode_frame(table.frame)
    years = encoded.values[encoded.columns == 0]
    np.testing.assert_allclose(years, [np.sqrt(1.5), -np.sqrt(1.5), 0], atol=1e-6)


def test_what_no_movie_has_is_not_among_the_features():
    assert Movies([Movie("a", "A", None, ("X",)), Movie("b", "B")]).features().columns == ["item", "genres"]
    assert Movies([Movie(1, "A", 1999), Movie(2, "B")]).features().columns == ["item", "year"]
    assert Movies([Movie(1, "A"), Movie(2, "B")]).features().columns == ["item"]


def test_blank_lines_before_the_header_are_skipped_and_counted(tmp_path):
    assert list(read_movies(written(tmp_path, b"\n  \nid,title\n4,One\n"))) == [4]
    with pytest.raises(DataError, match=", line 3: expected item::title::genres, or a header"):
        read_movies(written(tmp_path, b"\n \nhello\n"))
