"""The formats of the field, each by a small file of its kind."""

import gzip
import json

import numpy as np
import polars as pl
import pytest
import scipy.io
import scipy.sparse as sp

from matinee import Ratings, load_movies
from matinee.datasets import read_movies, read_ratings
from matinee.datasets.formats import FORMATS
from matinee.errors import DataError

MOMENT = 1126483200  # 2005-09-12


@pytest.fixture
def written(tmp_path):
    def write(content, name="file"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


NETFLIX = "8:\n1488844,3,2005-09-12\n822109,5,2005-09-13\n\n17:\n822109,4,2005-09-12\n"
ROWS = [(822109, 8, 5.0, MOMENT + 86_400), (822109, 17, 4.0, MOMENT), (1488844, 8, 3.0, MOMENT)]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_ratings_of_the_netflix_prize_are_read(written, end):
    path = written(NETFLIX.replace("\n", end))
    assert read_ratings(path).to_frame().rows() == ROWS
    assert read_ratings(path, format="netflix", timestamps=False).to_frame().rows() == [
        row[:3] for row in ROWS
    ]
    assert read_ratings(written(gzip.compress(NETFLIX.encode()))).to_frame().rows() == ROWS


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("822109,5\x1f,2005-09-12", r"file, line 7: '822109,5\\x1f,2005-09-12'; expected user,rating,date"),
        (
            "822109,five,2005-09-12",
            "file, line 7: '822109,five,2005-09-12'; expected user,rating,date, or the",
        ),
        ("822109,2005-09-12", "file, line 7: '822109,2005-09-12'; expected user,rating,date"),
        ("822109", "file, line 7: '822109'"),
        ("822109,3,soon", "file, row 3: timestamp 'soon' is neither"),
    ],
)
def test_a_fault_in_the_netflix_prize_is_named(written, line, message):
    with pytest.raises(DataError, match=message):
        read_ratings(written(NETFLIX + line + "\n"))


def test_the_titles_of_the_netflix_prize_are_read_in_latin_1_with_their_commas(written):
    content = "1,2003,Dinosaur Planet\n2,NULL,Les Misérables, Part 1\n3,1997,Matrix, The\n"
    movies = read_movies(written(content.encode("latin-1")))
    assert [(movie.item, movie.title, movie.year) for movie in movies.values()] == [
        (1, "Dinosaur Planet", 2003),
        (2, "Les Misérables, Part 1", None),
        (3, "The Matrix", 1997),
    ]
    with pytest.raises(DataError, match="line 30: 'what'; expected id,year,title"):
        read_movies(written("".join(f"{id},2003,A\n" for id in range(29)) + "what\n"))


AMAZON = [
    {"rating": 5.0, "x": "a", "asin": "B1", "parent_asin": "P1", "user_id": "A1", "timestamp": 1588687728923},
    {"rating": 3.0, "x": "b", "asin": "B2", "parent_asin": "P1", "user_id": "A2", "timestamp": 1588687728924},
]  # fmt: skip
OLD_AMAZON = {
    "reviewerID": "A1",
    "asin": "0528",
    "overall": 5.0,
    "reviewTime": "09 12, 2005",
    "style": {"a": "b"},
}


@pytest.mark.parametrize("form", ["lines", "list", "blank lines"])
def test_the_json_of_amazon_is_read(written, form):
    lines = [json.dumps(each) for each in AMAZON]
    content = {
        "lines": "\n".join(lines),
        "list": json.dumps(AMAZON, indent=1),
        "blank lines": "\n\n".join(lines),
    }
    ratings = read_ratings(written(content[form]))
    assert ratings.to_frame().rows() == [("A1", "P1", 5.0, 1588687728), ("A2", "P1", 3.0, 1588687728)]
    assert ratings.notes == ("timestamps are read as milliseconds",)
    assert read_ratings(written(json.dumps(OLD_AMAZON))).to_frame().rows() == [("A1", "0528", 5.0, MOMENT)]
    chosen = read_ratings(written(content[form]), columns={"item": "asin"})
    assert chosen.items.tolist() == ["B1", "B2"]


def test_the_csv_of_amazon_is_read(written):
    path = written("user_id,parent_asin,rating,timestamp\nA1,P1,5.0,1588687728923\n")
    assert read_ratings(path).to_frame().rows() == [("A1", "P1", 5.0, 1588687728)]


def test_all_objects_decide_the_types_of_json(written):
    lines = [json.dumps({"user": user, "item": 1.0, "rating": 3}) for user in range(2_000)]
    found = read_ratings(written("\n".join([*lines, '{"user": "x", "item": 2, "rating": 4}'])))
    assert found.users.tolist() == sorted([*map(str, range(2_000)), "x"])
    assert found.items.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"user": 1, "item": 2, "rating": 3}\n{"user": 1,\n', "file, line 2: is not JSON"),
        ('{"user": 1, "item": 2, "rating": 3}\n5\n', "file, line 2: holds a int; expected one object"),
        ('{\n "user": [1]\n}', "file, line 1: is not JSON .*; expected one object on each line, or a list"),
        ("[]", "file: there are no objects"),
        ('[{"user": 1}', "file: is not JSON"),
        ('{"user": 1, "item": 2}', "file: found no rating column among 'user', 'item'"),
        ('{"user": 1, "item": 2, "rating": null}\n', "file, row 0: the rating is missing"),
        ('{"user": [1], "item": 2, "rating": 3}', "file: user ids are of type List"),
    ],
)
def test_a_fault_in_json_is_named(written, content, message):
    with pytest.raises(DataError, match=message):
        read_ratings(written(content))


@pytest.mark.parametrize("field", ["real", "integer", "pattern"])
def test_a_matrix_that_scipy_writes_is_read_with_its_empty_rows(tmp_path, field):
    matrix = sp.coo_array(([2.0, 1.0, 3.0], ([0, 2, 2], [1, 0, 2])), shape=(4, 3))
    path = tmp_path / "ratings.mtx"
    scipy.io.mmwrite(path, matrix, comment="made by hand", field=field)
    values = [1.0, 1.0, 1.0] if field == "pattern" else matrix.data.tolist()
    expected = Ratings.from_csr(
        sp.coo_array((values, matrix.coords), shape=(4, 3)), users=[1, 2, 3, 4], items=[1, 2, 3]
    )
    assert read_ratings(path) == expected
    path.write_text(path.read_text().replace(" ", "   ").replace("\n", " \n"))
    assert read_ratings(path) == expected


MATRIX = "%%MatrixMarket matrix coordinate real general\n% note\n2 3 2\n1 2 5\n2 3 4\n"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("coordinate", "array"), "line 1: a matrix of the kind 'matrix array real general'"),
        (("general", "symmetric"), "line 1: a matrix of the kind .*symmetric"),
        (("2 3 2\n", "2 3\n"), "line 3: '2 3'; expected the numbers of rows, columns and entries"),
        (("2 3 4\n", ""), "holds 1 of 2 entries; is it whole"),
        (("1 2 5", "1 2 x"), "an entry is not row column value"),
        (("1 2 5", "1 2"), "an entry is not row column value"),
        (("1 2 5", "3 2 5"), "an entry is outside its 2 rows and 3 columns"),
        (("1 2 5", "1 2 nan"), "row 0: the rating is missing or not a number"),
    ],
)
def test_a_matrix_that_cannot_be_is_refused(written, change, message):
    assert len(read_ratings(written(MATRIX))) == 2
    with pytest.raises(DataError, match=message):
        read_ratings(written(MATRIX.replace(*change)))


def test_a_format_may_be_named_and_must_be_known(written):
    path = written("1,2,3\n")
    assert len(read_ratings(path, format="table")) == 1
    with pytest.raises(
        DataError, match="format='excel'; expected one of 'parquet', 'arrow', 'steam', 'json'"
    ):
        read_ratings(path, format="excel")
    for form in FORMATS:
        if form.name != "table":
            with pytest.raises(DataError):
                read_ratings(written("\n\n"), format=form.name)


MOVIES = [(1, "Toy Story", 1995, ("Animation", "Comedy")), (2, "Heat", 1995, ())]
AS_FRAME = pl.DataFrame(
    {
        "movieId": [1.0, 2.0],
        "title": ["Toy Story", "Heat"],
        "release_date": ["1995-10-30", "1995-12-15"],
        "genres": [["Animation", "Comedy"], []],
    }
)


def shown(movies):
    return [(movie.item, movie.title, movie.year, movie.genres) for movie in movies.values()]


@pytest.mark.parametrize("dates", [pl.String, pl.Date, pl.Datetime])
@pytest.mark.parametrize(
    "write", ["write_parquet", "write_ipc", "write_ipc_stream", "write_ndjson", "write_json"]
)
def test_movies_are_read_from_frames_in_files(tmp_path, write, dates):
    path = tmp_path / "movies"
    frame = (
        AS_FRAME
        if dates == pl.String
        else AS_FRAME.with_columns(pl.col("release_date").str.to_date().cast(dates))
    )
    getattr(frame, write)(path)
    assert shown(read_movies(path)) == MOVIES


@pytest.mark.parametrize(
    "content",
    [
        "movieId,title,release_date,genres\n1,Toy Story,1995-10-30,Animation|Comedy\n2,Heat,1995-12-15,\n",
        "id;name;year;genre\n1;Toy Story;1995;Animation, Comedy\n2;Heat;1995;\n",
        "tconst\tprimaryTitle\tstartYear\tgenres\n1\tToy Story\t1995\tAnimation,Comedy\n2\tHeat\t1995\t\\N\n",
        "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
        "1\tToy Story\t1995\tAnimation Comedy\n2\tHeat\t1995\t\n",
        '{"id": 1, "title": "Toy Story (1995)", "genres": [{"name": "Animation"}, {"name": "Comedy"}]}\n'
        '{"id": 2, "title": "Heat (1995)", "genres": []}\n',
        'id,title,genres,year\n1,Toy Story,"[{""name"": ""Animation""}, {""name"": ""Comedy""}]",1995\n'
        "2,Heat,[],1995\n",
    ],
)
def test_movies_are_read_in_the_forms_of_the_field(written, content):
    assert shown(read_movies(written(content))) == MOVIES


@pytest.mark.parametrize(
    "content", ["1;1995;Heat\n2;2003;Big\n", "1;Heat;1995\n2;Big;2003\n", "1\tHeat\t1995\n2\tBig\t\n"]
)
def test_a_year_without_header_is_no_title_and_no_genre(written, content):
    first = next(iter(read_movies(written(content)).values()))
    assert (first.title, first.year, first.genres) == ("Heat", 1995, ())


def test_a_title_that_holds_a_line_end_is_refused_and_a_description_may(written):
    content = 'id,title,overview\n1,A,"one\ntwo"\n2,"Weird Al,x\n3,B,x\n4,C",x\n'
    with pytest.raises(DataError, match="line 4: the title holds a line end, as a quote that opens here"):
        read_movies(written(content))
    assert len(read_movies(written(content.replace('"Weird Al', "Weird Al").replace('C"', "C")))) == 4
    quoted = read_movies(written('1\t"Weird Al" Movie\tComedy\n2\tB\tDrama\n'))
    assert quoted.title(1) == '"Weird Al" Movie'


def test_json_without_titles_is_no_list_of_movies(written):
    with pytest.raises(DataError, match="file: found no title column among 'id', 'x'; rename one to 'title'"):
        read_movies(written('{"id": 1, "x": 2}\n'))
    with pytest.raises(DataError, match="file: row 0: the title is missing"):
        read_movies(written('{"id": 1, "title": null}\n'))


def test_ids_that_are_whole_floats_are_integers_among_movies_and_users(written):
    assert list(read_movies(written("id,title\n1.0,A\n2.0,B\n"))) == [1, 2]
    with pytest.raises(DataError, match="line 3: item 1 is given again, after line 2"):
        read_movies(written("id,title\n1.0,A\n1,B\n"))


def test_the_demo_survives_each_format(tmp_path):
    movies = load_movies("demo")
    movies.to_frame().write_parquet(tmp_path / "movies.parquet")
    assert shown(read_movies(tmp_path / "movies.parquet")) == shown(movies)
    assert np.unique([movie.year for movie in movies.values()]).size > 1
