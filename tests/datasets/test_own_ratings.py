"""One person's ratings from another site find the movies of a list."""

import io
import zipfile

import pytest

from matinee import DataError, Movie, Movies, read_export, read_ratings
from matinee.datasets.titles import title_keys

MOVIES = Movies(
    [
        Movie(1, "The Matrix", 1999),
        Movie(2, "Amélie (Le Fabuleux destin d'Amélie Poulain)", 2001),
        Movie(3, "Star Wars: Episode IV - A New Hope", 1977),
        Movie(4, "Hamlet", 1990),
        Movie(5, "Hamlet", 1996),
        Movie(6, "Blade Runner", 1982),
        Movie(7, "Seven (a.k.a. Se7en)", 1995),
        Movie(8, "Rocky II", 1979),
        Movie(9, "Twin", 2000),
        Movie(10, "Twin", 2000),
        Movie(11, "Undated", None),
        Movie(12, "Alien", 1979),
        Movie(13, "Crash (a.k.a. Breakdown)", 2004),
    ]
)
LETTERBOXD = """Date,Name,Year,Letterboxd URI,Rating
2020-01-01,The Matrix,1999,https://boxd.it/2a,5
2020-01-02,Amelie,2001,https://boxd.it/2b,4.5
2020-01-03,Star Wars,1977,https://boxd.it/2c,4
2020-01-04,Hamlet,1997,https://boxd.it/2d,3
2020-01-05,Blade Runner: The Final Cut,1982,https://boxd.it/2e,0.5
2020-01-06,Se7en,1995,https://boxd.it/2f,3.5
2020-01-07,Rocky 2,1979,https://boxd.it/2g,2
2020-01-08,Twin,2000,https://boxd.it/2h,2
2020-01-09,"Nobody, Knows",2004,https://boxd.it/2i,1
2020-01-10,Undated,2015,https://boxd.it/2j,1.5
2020-01-11,Watched only,2015,https://boxd.it/2k,
"""
IMDB = """Const,Your Rating,Date Rated,Title,URL,Title Type,IMDb Rating,Runtime (mins),Year,Genres
tt0133093,10,2020-01-01,Something else,https://…,movie,8.7,136,1999,"Action, Sci-Fi"
tt0078748,8,2020-01-02,Alien,https://…,movie,8.5,117,1979,Horror
tt9999999,3,2020-01-03,Not There,https://…,movie,5,90,1979,Horror
"""
GOODREADS = '''Book Id,Title,Author,ISBN,My Rating,Average Rating,Year Published,Date Read,Date Added
41865,Twilight,Stephenie Meyer,"=""0316015849""",4,3.6,2005,2015/01/09,2014/12/01
2767052,The Hunger Games,Suzanne Collins,"=""0439023483""",0,4.3,2008,,2014/12/02
'''
LINKS = "movieId,imdbId,tmdbId\n1,0133093,603\n2,0211915,194\n"


@pytest.fixture
def written(tmp_path):
    def write(content, name="ratings.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_a_letterboxd_export_is_matched_by_titles_and_years(written):
    export = read_export(written(LETTERBOXD), MOVIES)
    expected = {1: 5, 2: 4.5, 3: 4, 5: 3, 6: 0.5, 7: 3.5, 8: 2, 11: 1.5}
    assert export.ratings == expected
    assert (export.site, export.greatest, export.n_by_id, export.n_by_title) == ("letterboxd", 5, 0, 8)
    assert [str(each) for each in export.unmatched] == ["Nobody, Knows (2004)"]
    assert [str(each) for each in export.ambiguous] == ["Twin (2000)"]
    assert str(export).splitlines() == [
        "8 of 10 ratings from letterboxd matched: 0 by id, 8 by title and year",
        "not in the list: Nobody, Knows (2004)",
        "several may be meant: Twin (2000)",
    ]


def test_an_imdb_export_is_matched_by_id_where_there_are_links(written):
    links = written(LINKS, "links.csv")
    export = read_export(written(IMDB), MOVIES, links=links)
    assert export.ratings == {1: 10, 12: 8}
    assert (export.site, export.n_by_id, export.n_by_title) == ("imdb", 1, 1)
    assert [str(each) for each in export.unmatched] == ["Not There (1979)"]
    assert read_export(written(IMDB), MOVIES).ratings == {12: 8}
    by_const = Movies([Movie("tt0133093", "The Matrix", 1999)])
    assert read_export(written(IMDB), by_const).ratings == {"tt0133093": 10}


def test_ratings_are_converted_to_the_scale_of_a_model(written):
    export = read_export(written(IMDB), MOVIES)
    assert export.on_scale((0.5, 5.0)) == {12: 4.0}
    assert export.on_scale((1.0, 10.0)) == {12: 8}
    assert export.on_scale((1.0, 317.0)) == {12: 8}
    assert read_export(written(LETTERBOXD), MOVIES).on_scale((1, 10))[2] == 9.0


def test_a_goodreads_export_is_matched_by_its_ids_and_0_is_no_rating(written):
    books = Movies([Movie(41865, "Twilight (Twilight, #1)", 2005), Movie(2767052, "The Hunger Games", 2008)])
    export = read_export(written(GOODREADS), books)
    assert export.ratings == {41865: 4}
    assert export.n_by_id == 1


def test_an_export_is_read_as_ratings_of_a_person_called_me(written):
    assert read_ratings(written(IMDB)).to_frame().rows()[0] == ("me", "tt0078748", 8.0, 1577923200)
    ratings = read_ratings(written(LETTERBOXD), timestamps=False)
    assert len(ratings) == 10
    assert ("me", "Nobody, Knows (2004)", 1.0) in ratings.to_frame().rows()
    assert read_ratings(written(GOODREADS)).to_frame().rows() == [("me", 41865, 4.0, 1420761600)]
    columns = {"user": "Const", "item": "Title", "rating": "IMDb Rating"}
    assert read_ratings(written(IMDB), columns=columns).values.tolist() == pytest.approx([8.5, 8.7, 5])


def test_the_archive_that_letterboxd_sends_is_read_as_it_is(written):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("watched.csv", "Date,Name,Year,Letterboxd URI\n")
        archive.writestr("ratings.csv", LETTERBOXD)
        archive.writestr("deleted/ratings.csv", "x")
    assert len(read_export(written(stream.getvalue(), "me.zip"), MOVIES).ratings) == 8


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("user,item,rating\n1,2,3\n", "is not an export of one person's ratings; expected one of"),
        ("Date,Name,Year,Letterboxd URI\n2020-01-01,A,1999,x\n", "line 1: a file of letterboxd without"),
        ("Date,Name,Year,Letterboxd URI,Rating\n2020-01-01,A,1999,x,\n", "nothing in it is rated"),
        ("Name,Year,Letterboxd URI,Rating\nA,1999,x,4\nB,2000,y,9\n", "line 3: rating '9' is not one from 0"),
        ("Name,Year,Letterboxd URI,Rating\n,1999,x,4\n", "line 2: the title is missing"),
    ],
)  # fmt: skip
def test_what_is_no_export_is_refused(written, content, message):
    with pytest.raises(DataError, match=message):
        read_export(written(content), MOVIES)


def test_links_without_their_columns_are_refused(written):
    with pytest.raises(DataError, match="found no movieId and imdbId among 'a', 'b'"):
        read_export(written(IMDB), MOVIES, links=written("a,b\n1,2\n", "links.csv"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Matrix, The", "The Matrix"),
        ("Léon", "Leon"),
        ("L'Avventura", "Avventura, L'"),
        ("Fast & Furious", "Fast and Furious"),
        ("Ocean's Eleven", "Oceans Eleven"),
        ("Mission: Impossible III", "Mission Impossible 3"),
        ("Apocalypse Now Redux", "Apocalypse Now"),
        (
            "The Lord of the Rings: The Two Towers (Extended Edition)",
            "Lord of the Rings: The Two Towers, The",
        ),
        ("Blade Runner - Director's Cut", "Blade Runner"),
        ("Smørrebrød", "Smorrebrod"),
        ("Straße", "Strasse"),
        ("千と千尋の神隠し", "千と千尋の神隠し"),
    ],
)
def test_titles_that_are_written_differently_are_compared_by_the_same_key(one, other):
    assert set(title_keys(one)) & set(title_keys(other))


@pytest.mark.parametrize(
    ("one", "other"), [("Rocky", "Rocky II"), ("The Cut", "Uncut Gems"), ("Alien", "Aliens"), ("A", "The")]
)
def test_other_titles_have_other_keys(one, other):
    assert title_keys(one)
    assert not set(title_keys(one)) & set(title_keys(other))


MOVIELENS = """movie_id,imdb_id,tmdb_id,rating,average_rating,title
1,0133093,603,5.0,4.15,"Matrix, The (1999)"
999,0078748,348,4.0,4.0,Alien (1979)
7,0116477,1,3.5,3.9,Hamlet (1996)
"""
MATINEE = """matineeId,title,year,rating,ratedAt
12,Alien,1979,4.5,2024-01-01T00:00:00+00:00
,The Matrix,1999,3.0,2024-01-01T00:00:00+00:00
"""


def test_an_export_of_movielens_is_matched_by_the_id_at_imdb_and_by_title_and_never_by_its_own_ids(written):
    export = read_export(written(MOVIELENS), MOVIES, links=written(LINKS, "links.csv"))
    assert (export.site, export.greatest) == ("movielens", 5)
    assert export.ratings == {1: 5.0, 12: 4.0, 5: 3.5}
    assert (export.n_by_id, export.n_by_title) == (1, 2)
    # Its id 7 is that of another movie here.
    assert 7 not in export.ratings


def test_what_a_site_of_matinee_gives_is_read_by_its_ids_and_else_by_title(written):
    export = read_export(written(MATINEE), MOVIES)
    assert export.site == "matinee"
    assert export.ratings == {12: 4.5, 1: 3.0}
    assert (export.n_by_id, export.n_by_title) == (1, 1)


def test_a_table_of_many_people_is_no_export(written):
    table = "userId,movieId,imdbId,rating,title\n1,2,3,4,Alien\n"
    with pytest.raises(DataError, match="is not an export"):
        read_export(written(table), MOVIES)
