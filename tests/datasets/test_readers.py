import gzip
import io

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from matinee.datasets.readers import read_ratings
from matinee.errors import DataError, MatineeError
from matinee.ratings import UNKNOWN_TIME

ROWS = [(1, 20, 3.5, 100), (1, 30, -2.0, 300), (7, 10, 4.0, 200)]


def text_of(separator, *, header=None, end="\n", rows=ROWS):
    lines = [header] if header else []
    lines += [separator.join(map(str, row)) for row in rows]
    return "".join(line + end for line in lines).encode()


def written(folder, content, name="ratings.txt"):
    path = folder / name
    path.write_bytes(content)
    return path


def rows_of(path, **options):
    return read_ratings(path, **options).to_frame().rows()


FORMS = {
    "ratings.dat": text_of("::"),
    "u.data": text_of("\t"),
    "headerless csv": text_of(","),
    "ratings.csv": text_of(",", header="userId,movieId,rating,timestamp"),
    "semicolons": text_of(";", header='"User-ID";"ISBN";"Book-Rating";"Time"'),
    "bars": text_of("|"),
    "spaces": text_of(" "),
    "header in another case": text_of("\t", header="USER\tItem_Id\tStars\tunixTime"),
    "Windows": b"\xef\xbb\xbf" + text_of(",", header="userId,movieId,rating,timestamp", end="\r\n"),
    "Windows dat": b"\xef\xbb\xbf" + text_of("::", end="\r\n"),
    "no end of line": text_of("::").rstrip(b"\n"),
    "blank lines": b"\n" + text_of("::").replace(b"\n", b"\n\n") + b"\n",
    "blanks around": text_of(", "),
    "quotes": b'user,item,rating,timestamp\n"1","20","3.5","100"\n1,30,-2,300\n7,10,"4",200\n',
    "more columns": b"id,rating,x,movieId,timestamp,user\n1,3.5,,20,100,1\n2,-2,,30,300,1\n3,4,,10,200,7\n",
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzipped"])
@pytest.mark.parametrize("form", FORMS)
def test_every_layout_gives_the_same_ratings(tmp_path, form, packed):
    content = gzip.compress(FORMS[form]) if packed else FORMS[form]
    assert rows_of(written(tmp_path, content)) == ROWS


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzipped"])
def test_parquet_gives_the_same_ratings(tmp_path, packed):
    frame = pl.DataFrame(ROWS, schema=["userId", "movieId", "rating", "timestamp"], orient="row")
    path = tmp_path / "ratings"
    frame.write_parquet(path)
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    assert rows_of(path) == ROWS
    assert rows_of(path, timestamps=False) == [row[:3] for row in ROWS]


def test_the_timestamps_may_be_absent_or_not_available(tmp_path):
    for times in (b"", b",", b",N/A", b",nan"):
        content = b"1,2,3" + times + b"\n1,3,4" + times + b"\n"
        assert read_ratings(written(tmp_path, content)).timestamps is None


def test_some_timestamps_may_be_missing(tmp_path):
    for gap in (b"::N/A", b"::", b""):
        ratings = read_ratings(written(tmp_path, b"1::2::3::50\n1::3::4" + gap + b"\n"))
        assert ratings.timestamps.tolist() == [50, UNKNOWN_TIME]


def test_the_first_line_with_a_header_may_lack_its_timestamp(tmp_path):
    ratings = read_ratings(written(tmp_path, b"user,item,rating,time\n\n1,2,3\n1,3,4,50\n"))
    assert ratings.timestamps.tolist() == [UNKNOWN_TIME, 50]


def test_timestamps_may_be_iso_dates(tmp_path):
    content = b"1,2,3,1970-01-02\n1,3,4,1970-01-01 00:01:00\n"
    assert read_ratings(written(tmp_path, content)).timestamps.tolist() == [86400, 60]


def test_ids_are_integers_only_if_all_of_them_are_written_so(tmp_path):
    assert rows_of(written(tmp_path, b"1,2,3\n" * 500 + b"x,2,3\n")) == [("1", 2, 3.0), ("x", 2, 3.0)]
    assert rows_of(written(tmp_path, b"007,2,3\n7,2,4\n")) == [("007", 2, 3.0), ("7", 2, 4.0)]
    assert rows_of(written(tmp_path, b"18446744073709551615,-5,3\n")) == [(2**64 - 1, -5, 3.0)]


def test_string_ids_may_hold_what_separates_fields_elsewhere(tmp_path):
    assert rows_of(written(tmp_path, b"a:b::c,d::3\ne::f g::4\n")) == [("a:b", "c,d", 3.0), ("e", "f g", 4.0)]
    assert rows_of(written(tmp_path, b'"a,b",2,3\nc,2,4\n')) == [("a,b", 2, 3.0), ("c", 2, 4.0)]
    assert rows_of(written(tmp_path, b'a"b,2,3\n"c,2,4\n')) == [('"c', 2, 4.0), ('a"b', 2, 3.0)]


def test_ids_that_look_like_missing_marks_are_ids(tmp_path):
    assert rows_of(written(tmp_path, b"NA,null,3\nNone,nan,4\n")) == [
        ("NA", "null", 3.0),
        ("None", "nan", 4.0),
    ]


def test_columns_may_be_named_or_counted(tmp_path):
    path = written(tmp_path, b"who,x,what,how\n1,9,2,3\n")
    names = {"user": "who", "item": "what", "rating": "how"}
    assert rows_of(path, columns=names) == [(1, 2, 3.0)]
    path = written(tmp_path, b"9,1,2,3,8\n")
    assert rows_of(path, columns={"user": 1, "item": 2, "rating": 3}) == [(1, 2, 3.0)]
    path = written(tmp_path, b"userId,movieId\n1,2\n")
    assert rows_of(path, columns={"rating": None}) == [(1, 2, 1.0)]


def test_a_given_separator_is_used(tmp_path):
    assert rows_of(written(tmp_path, b"a,b|c,d|3\n"), separator="|") == [("a,b", "c,d", 3.0)]


def test_the_last_of_two_ratings_counts_unless_said_otherwise(tmp_path):
    path = written(tmp_path, b"1,2,3\n1,2,5\n")
    assert rows_of(path) == [(1, 2, 5.0)]
    assert rows_of(path, duplicates="mean") == [(1, 2, 4.0)]
    with pytest.raises(DataError, match=r"ratings\.txt, line 2: user 1 has rated item 2 already, in line 1"):
        read_ratings(path, duplicates="error")


def test_a_path_with_wildcards_in_its_name_is_one_file(tmp_path):
    written(tmp_path, b"5,5,5\n", "a1.csv")
    assert rows_of(written(tmp_path, b"1,2,3\n", "a[1]*.csv")) == [(1, 2, 3.0)]


DAT = "expected user::item::rating[::timestamp]"
FAULTS = [
    (b"1::2::3::4\n1::3::five::5\n", f", line 2: rating 'five' is not a number; {DAT}"),
    (b"1::2::five\n", f", line 1: rating 'five' is not a number; {DAT}"),
    (b"1::2::3::4\n\n1::3::::5\n", f", line 3: the rating is missing; {DAT}"),
    (b"1::2::3::4\n1::3::NaN::5\n", f", line 2: rating 'NaN' is not a finite number; {DAT}"),
    (b"1::2::3::4\n1::3::-inf::5\n", f", line 2: rating '-inf' is not a finite number; {DAT}"),
    (b"1::2::3::4\n1::3::1e39::5\n", f", line 2: rating 1e39 is beyond 1e+15; {DAT}"),
    (b"1::2::3::4\n1::3::1_0::5\n", f", line 2: rating '1_0' is not a number; {DAT}"),
    (b"1::2::3::4\n1::3\n", f", line 2: 2 fields; {DAT}"),
    (b"1::2::3::4\n1::3::4::5::6\n", f", line 2: 5 fields; {DAT}"),
    (b"1::2::3::4\n1:x:3:x:4:x:5\n", f", line 2: 1 field; {DAT}"),
    (b"1::2::3::4\n::3::4::5\n", f", line 2: the user is missing; {DAT}"),
    (b"1::2::3::4\n1::::4::5\n", f", line 2: the item is missing; {DAT}"),
    (b"1::2::3::4\n1::3::4::\x00\n", ", line 2: holds binary data (a NUL byte); expected text"),
    (
        b"1,2,3,5\n1,3,4,soon\n",
        ", line 2: timestamp 'soon' is neither a number of seconds nor a date such as",
    ),
    (b"user,item,rating\n1,2,3\n1,2,3,4\n", ", line 3: 4 fields; expected user,item,rating"),
    (b"user,item,rating\n", ": there are no ratings below the header"),
    (b"user,item,stuff\n1,2,3\n", ", line 1: found no rating column among 'user', 'item', 'stuff'; name it"),
    (b"1,2,3,4,5\n", ", line 1: 5 fields and no header; expected user,item,rating[,timestamp]"),
    (b"hello\n", ", line 1: found no separator in 'hello'"),
    (b"", ": the file is empty"),
    (b" \n\n", ": the file is empty"),
    (b"x" * 100_000, ", line 1: is longer than 65,536 bytes"),
    (b"x" * 300 + b",2,3\n1,2,3\n", ", line 1: user 'xxxxxxxx"),
    (b"PK\x03\x04rest", ": the zip file is truncated or damaged"),
    (b"PAR1rest", ": the Parquet file is damaged"),
    (gzip.compress(FORMS["ratings.dat"], mtime=0)[:-10], ": the gzip file is truncated or damaged"),
]


@pytest.mark.parametrize(("content", "message"), FAULTS, ids=[message[:50] for _, message in FAULTS])
def test_a_fault_is_named_with_its_file_and_line(tmp_path, content, message):
    path = written(tmp_path, content)
    with pytest.raises(DataError) as caught:
        read_ratings(path)
    assert str(caught.value).startswith(f"{path}{message}")


def test_a_fault_far_into_the_file_is_named_with_its_line(tmp_path):
    lines = [b"%d::7::3::9" % user for user in range(20_000)]
    lines[17_000] = b"17000::7::three::9"
    with pytest.raises(DataError, match=r", line 17001: rating 'three' is not a number"):
        read_ratings(written(tmp_path, b"\n".join(lines)))


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(DataError, match=r"absent\.csv: there is no such file"):
        read_ratings(tmp_path / "absent.csv")
    with pytest.raises(DataError, match="is a folder; expected a file"):
        read_ratings(tmp_path)


def test_a_parquet_file_with_a_gap_or_without_a_column_is_named(tmp_path):
    path = tmp_path / "ratings.parquet"
    pl.DataFrame({"user": [1, 2], "item": [1, 2], "rating": [1.0, None]}).write_parquet(path)
    with pytest.raises(DataError, match=r"ratings\.parquet, row 1: the rating is missing"):
        read_ratings(path)
    pl.DataFrame({"user": [1], "film": [1]}).write_parquet(path)
    with pytest.raises(DataError, match=r"ratings\.parquet: found no item column among 'user', 'film'"):
        read_ratings(path)


@pytest.mark.parametrize("columns", [{"usr": 0}, {"user": 9, "item": 1}, {"user": "no", "item": "such"}])
def test_columns_that_cannot_be_are_refused(tmp_path, columns):
    with pytest.raises(
        DataError, match=r"line 1: (columns names 'usr'|there is no field 9|found no column 'no')"
    ):
        read_ratings(written(tmp_path, b"1,2,3\n"), columns=columns)


def parquet_bytes():
    content = io.BytesIO()
    frame = pl.DataFrame(ROWS, schema=["userId", "movieId", "rating", "timestamp"], orient="row")
    frame.write_parquet(content)
    return content.getvalue()


PARQUET = parquet_bytes()


@st.composite
def mutated_files(draw):
    content = bytearray(
        draw(st.sampled_from([*FORMS.values(), gzip.compress(FORMS["ratings.dat"], mtime=0), PARQUET]))
    )
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = draw(st.integers(start, min(start + 8, len(content))))
        content[start:end] = draw(
            st.binary(max_size=6) | st.sampled_from([b"::", b",", b"\n", b'"', b"nan", b"\xff", b"\x1f"])
        )
    return bytes(content)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "ratings"


@settings(max_examples=300)
@given(content=st.binary(max_size=300) | mutated_files())
@example(content=b'"')
@example(content=b"\x1f\x8b")
def test_whatever_the_bytes_the_answer_is_ratings_or_one_of_our_errors(scratch, content):
    scratch.write_bytes(content)
    try:
        ratings = read_ratings(scratch)
    except MatineeError as error:
        assert str(scratch) in str(error)
    else:
        assert len(ratings) > 0
        assert ratings.to_frame().null_count()["rating"].item() == 0


texts = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=8)


@given(
    separator=st.sampled_from([",", "\t", ";"]),
    rows=st.lists(
        st.tuples(texts, texts, st.integers(-20, 20).map(lambda n: n / 4)),
        min_size=1,
        unique_by=lambda row: row[:2],
    ),
)
def test_what_polars_writes_is_read_back(scratch, separator, rows):
    frame = pl.DataFrame(
        rows, schema={"user": pl.String, "item": pl.String, "rating": pl.Float64}, orient="row"
    )
    frame.write_csv(scratch, separator=separator, quote_style="always")
    ratings = read_ratings(scratch)
    found = {(str(user), str(item)): value for user, item, value in ratings.to_frame().rows()}
    assert found == {(user, item): value for user, item, value in rows}


def test_movielens_1m_has_the_numbers_of_its_readme(movielens):
    path = movielens("ml-1m/ratings.dat")
    ratings = read_ratings(path)
    assert (len(ratings), ratings.n_users, ratings.n_items) == (1_000_209, 6_040, 3_706)
    assert ratings.values.sum() == sum(int(line.split("::")[2]) for line in path.read_text().splitlines())


def test_movielens_100k_has_the_numbers_of_its_readme(movielens):
    description = read_ratings(movielens("ml-100k/u.data")).describe()
    assert (description.n_ratings, description.n_users, description.n_items) == (100_000, 943, 1_682)
    assert description.per_user.min == 20
    assert (description.first_time[:10], description.last_time[:10]) == ("1997-09-20", "1998-04-22")
