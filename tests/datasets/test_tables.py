"""What text tables hold is read to the last line, or refused with the line named."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matinee.datasets.readers import read_ratings
from matinee.errors import DataError


@pytest.fixture
def rows_of(tmp_path):
    def read(content, **options):
        path = tmp_path / "ratings.txt"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_ratings(path, **options).to_frame().rows()

    return read


QUOTED = [("u1", '"Weird Al', 5.0), ("u2", "B", 3.0), ("u3", 'C"', 4.0), ("u4", "D", 2.0)]


@pytest.mark.parametrize("separator", ["\t", "::"])
@pytest.mark.parametrize("header", ["", "user{0}item{0}rating\n"])
def test_between_tabs_and_colons_a_quote_is_a_part_of_the_id(rows_of, separator, header):
    lines = [separator.join(map(str, row)) for row in QUOTED]
    assert rows_of(header.format(separator) + "\n".join(lines) + "\n") == QUOTED


@pytest.mark.parametrize("separator", [",", ";", "|"])
def test_an_id_that_holds_a_line_end_is_refused_and_the_opening_line_named(rows_of, separator):
    content = "user,item,rating\nu0,A,1\n" + "".join(
        f"{user},{item},{value}\n" for user, item, value in QUOTED
    )
    with pytest.raises(
        DataError, match=r"line 3: the item holds a line end, as a quote that opens here is"
    ) as caught:
        rows_of(content.replace(",", separator))
    assert "closed in line 5" in str(caught.value)


def test_a_review_that_holds_line_ends_is_none_of_our_business(rows_of):
    content = 'user,item,rating,review\n1,2,3,"good\nvery ""good"", 5,5,5\n\nindeed"\n2,3,4,bad\n'
    assert rows_of(content) == [(1, 2, 3.0), (2, 3, 4.0)]
    with pytest.raises(DataError, match="line 7: rating 'x' is not a number"):
        rows_of(content + "3,3,x,\n")


def test_quotes_around_every_value_of_a_tab_separated_table_are_not_of_the_ids(rows_of):
    content = '"user"\t"item"\t"rating"\n"a"\t"1"\t"3"\n"say ""b"""\t"2"\t"4"\n'
    assert rows_of(content) == [("a", 1, 3.0), ('say "b"', 2, 4.0)]
    assert rows_of('"Heroes"\t1\t3\nLow\t1\t4\n') == [('"Heroes"', 1, 3.0), ("Low", 1, 4.0)]


def test_stray_quotes_do_not_leave_the_quotes_around_other_ids(rows_of):
    with pytest.raises(DataError, match="line 2: 2 fields"):
        rows_of('"x","a",3\n"y","b,4\n')


@pytest.mark.parametrize("separator", [",", "::", "\t", ";", " "])
@pytest.mark.parametrize("odd", ["0101", "+101", "-0", "00"])
def test_the_whole_column_decides_whether_ids_are_integers(rows_of, separator, odd):
    lines = [f"{user},7,3" for user in range(300)] + [f"777,{odd},5", f"777,{odd.lstrip('+-0') or 0},1"]
    found = rows_of("\n".join(lines).replace(",", separator))
    assert found[-2:] == sorted(
        [(777, odd, 5.0), (777, odd.lstrip("+-0") or "0", 1.0)], key=lambda row: row[1]
    )
    assert len(found) == 302


def test_an_odd_number_that_is_no_id_leaves_the_ids_integers(rows_of):
    assert rows_of("1,2,+3,0100\n1,3,04,200\n") == [(1, 2, 3.0, 100), (1, 3, 4.0, 200)]


@pytest.mark.parametrize("ids", [["5", "5.0", "6"], ["5.0", "6.0", "6.00"], ["7"] * 300 + ["5.0", "5"]])
def test_whole_floats_are_integers(rows_of, ids):
    found = rows_of("\n".join(f"{user},{item},3" for item, user in enumerate(ids)))
    assert [row[:2] for row in found] == sorted((int(float(user)), item) for item, user in enumerate(ids))


def test_a_float_or_a_text_among_integers_leaves_all_ids_as_they_are_written(rows_of):
    assert rows_of("5.0,1,3\n5,2,3\nx,3,3\n") == [("5", 2, 3.0), ("5.0", 1, 3.0), ("x", 3, 3.0)]
    assert rows_of("5.5,1,3\n5,2,3\n") == [("5", 2, 3.0), ("5.5", 1, 3.0)]
    assert rows_of("9007199254740993.0,1,3\n") == [(9007199254740993, 1, 3.0)]


@given(ids=st.lists(st.from_regex(r"[+-]?[0-9]{1,3}(\.0)?", fullmatch=True), min_size=1, unique=True))
def test_ids_that_are_written_differently_and_are_no_integers_all_stay_apart(tmp_path_factory, ids):
    path = tmp_path_factory.mktemp("ids") / "ratings.csv"
    path.write_text("user,item,rating\n" + "".join(f"{place},{id},3\n" for place, id in enumerate(ids)))
    found = [item for _, item, _ in read_ratings(path).to_frame().rows()]
    bare = [id.removesuffix(".0") for id in ids]
    numeric = all(str(int(id)) == id for id in bare)
    assert found == ([int(id) for id in bare] if numeric else ids)


@pytest.mark.parametrize(
    "content",
    [
        "sep=;\nuser;item;rating\n1;2;3,5\n2;3;4\n",
        '"sep=,"\n1,2,3.5\n2,3,4\n',
        "1;2;3,5\n2;3;4\n",
        'user,item,rating\n1,2,"3,5"\n2,3,"4"\n',
        "# comment\n#\nuser,item,rating\n1,2,3.5\n# two, three\n2,3,4\n",
        "% bip weighted\n% 2 2 2\n1 2 3.5\n2 3 4\n",
        "#user,item,rating\n1,2,3.5\n2,3,4\n",
        "user,item,rating\n1,2,3.5,\n2,3,4,,\n",
        "user,item,rating,\n1,2,3.5,\n2,3,4,\n",
        "1,2,3.5,,\n2,3,4,,\n",
        "1::2::3.5::::\n2::3::4::::\n",
        "user,item,rating\r1,2,3.5\r2,3,4\r",
        "user,item,rating\r\n1,2,3.5\r\n2,3,4\r\n",
        "user,item,rating\n1,2,3.5\n2,3,4\n".encode("utf-16"),
        "user,item,rating\n1,2,3.5\n2,3,4\n".encode("utf-16-le"),
        "user,item,rating\n1,2,3.5\n2,3,4\n".encode("utf-8-sig"),
        "user_id:token\titem_id:token\trating:float\n1\t2\t3.5\n2\t3\t4\n",
        "User ID (int),Movie_Title,Stars\n1,2,3.5\n2,3,4\n",
        "iid,username,star_rating\n2,1,3.5\n3,2,4\n",
        "user_id,parent_asin,rating\n1,2,3.5\n2,3,4\n",
        "userID\tartistID\tweight\n1\t2\t3.5\n2\t3\t4\n",
    ],
)  # fmt: skip
def test_the_habits_of_the_field_are_known(rows_of, content):
    assert rows_of(content) == [(1, 2, 3.5), (2, 3, 4.0)]


def test_a_field_behind_the_last_one_must_be_empty_on_every_line(rows_of):
    lines = ["user,item,rating", *(f"{user},2,3," for user in range(300)), "1,9,3,x"]
    with pytest.raises(DataError, match="line 302: 4 fields; expected user,item,rating"):
        rows_of("\n".join(lines))
    with pytest.raises(DataError, match="line 301: 5 fields"):
        rows_of("1::2::3::4::\n" * 300 + "1::3::3::4::x\n")


def test_a_comma_before_three_digits_may_be_of_thousands_and_is_refused(rows_of):
    with pytest.raises(DataError, match="line 2: rating '1,234' is not a number"):
        rows_of("1;2;3,5\n1;3;1,234\n")


def test_an_id_that_begins_like_a_comment_is_an_id(rows_of):
    assert rows_of("# note\n#1,2,3\n7,2,4\n") == [("#1", 2, 3.0), ("7", 2, 4.0)]


def test_lines_have_their_numbers_also_below_comments_and_a_separator(rows_of):
    content = "sep=;\n# note\nuser;item;rating\n1;2;3\n# note\n1;3;x\n"
    with pytest.raises(
        DataError, match=r"ratings\.txt, line 6: rating 'x' is not a number; expected user;item"
    ):
        rows_of(content)
    with pytest.raises(DataError, match="line 6: user 1 has rated item 2 already, in line 4"):
        rows_of(content.replace("1;3;x", "1;2;5"), duplicates="error")


def test_book_crossing_is_latin_1_which_a_note_says(tmp_path):
    path = tmp_path / "BX-Book-Ratings.csv"
    lines = [
        '"User-ID";"ISBN";"Book-Rating"',
        '"276725";"034545104X";"0"',
        '"2";"café";"5"',
        '"2";"0155";"5"',
    ]
    path.write_bytes("\r\n".join(lines).encode("latin-1"))
    ratings = read_ratings(path)
    assert ratings.to_frame().rows() == [(2, "0155", 5.0), (2, "café", 5.0), (276725, "034545104X", 0.0)]
    assert ratings.notes == ("the text is not UTF-8, and was read as Latin-1; encoding=… names another",)
    assert read_ratings(path, encoding="latin-1") == ratings
    assert read_ratings(path, encoding="latin-1").notes == ()


def test_one_byte_far_into_the_file_makes_it_latin_1(rows_of):
    lines = "".join(f"{user},2,3\n" for user in range(20_000))
    assert rows_of(lines.encode() + b"caf\xe9,2,3\n")[-1] == ("café", 2, 3.0)


def test_a_given_encoding_is_held_to(rows_of):
    assert rows_of("ю,2,3\n".encode("koi8-r"), encoding="koi8-r") == [("ю", 2, 3.0)]
    with pytest.raises(DataError, match=r"ratings\.txt: line 2 is not utf-8 text \(byte 10 of the file\)"):
        rows_of(b"1,2,3\nab,\xe9,3\n", encoding="utf-8")
    with pytest.raises(DataError, match="encoding='utf-88' is not known; expected one such as 'utf-8'"):
        rows_of(b"1,2,3\n", encoding="utf-88")


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, [(1, 2, 3.0)]),
        ({"rating": None}, [(1, 2, 1.0)]),
        ({"user": 0}, [(1, 2, 3.0)]),
        ({"user": 1}, [(2, 1, 3.0)]),
        ({"item": 0, "rating": 2}, [(2, 1, 3.0)]),
        ({"user": 0, "item": 1}, [(1, 2, 3.0)]),
        ({"timestamp": 2}, "columns say timestamp=2 of 3 fields, and not which is the rating; add"),
        ({"user": 1.0, "item": 0}, "columns={\"user\": 1.0}; expected the name of a column, or its"),
        ({"user": True}, "columns={\"user\": True}; expected the name"),
        ({"user": None}, "columns={\"user\": None}; every rating needs a user"),
        ({"user": 0, "item": 0, "rating": 2}, "column '1' is taken for the user and the item"),
        ({"user": 0, "item": 1, "rating": 3}, "there is no field 3; the 3 fields are counted from 0"),
        ({"usr": 0}, "columns names 'usr'; expected 'user', 'item', 'rating', 'timestamp'"),
        ([1, 2], "columns is a list; expected a dictionary such as"),
        ("user", "columns is a str; expected a dictionary"),
    ],
)  # fmt: skip
def test_columns_mean_what_is_documented_or_are_refused(rows_of, columns, expected):
    if isinstance(expected, list):
        assert rows_of("1,2,3\n", columns=columns) == expected
        return
    with pytest.raises(DataError) as caught:
        rows_of("1,2,3\n", columns=columns)
    assert expected in str(caught.value)


def test_columns_of_a_long_line_without_header_must_all_be_named(rows_of):
    with pytest.raises(DataError, match='of 5 fields, and not which is the rating; add "rating": its number'):
        rows_of("9,1,2,3,8\n", columns={"user": 1, "item": 2})
    with pytest.raises(
        DataError, match=r"5 fields and no header; expected user,item,rating\[,timestamp\], or"
    ):
        rows_of("9,1,2,3,8\n")


def test_one_of_two_columns_of_a_name_needs_its_number(rows_of):
    content = "user,item,x,x\n1,2,3,4\n"
    with pytest.raises(DataError, match="2 columns are named 'x'; give the number of one"):
        rows_of(content, columns={"rating": "x"})
    assert rows_of(content, columns={"rating": 3}) == [(1, 2, 4.0)]


@pytest.mark.parametrize("separator", [",,", "", "\n", '"', 5, "é"])
def test_a_separator_that_cannot_be_one_is_refused(rows_of, separator):
    with pytest.raises(DataError, match="separator=.*; expected one character, such as"):
        rows_of("1,2,3\n", separator=separator)


def test_a_column_is_guessed_only_if_it_is_the_only_one_left(rows_of):
    with pytest.raises(
        DataError, match="among 'user', 'item', 'stuff'; name it, as in .*\"rating\": 'stuff'"
    ):
        rows_of("user,item,stuff\n1,a,3\n")
    with pytest.raises(
        DataError, match="found no item column among 'user_id', 'game', 'hours'; .*'its name'"
    ):
        rows_of("user_id,game,hours\n1,a,3\n")


def test_a_file_that_unpacks_to_far_too_much_is_refused_unless_it_is_meant(tmp_path):
    path = tmp_path / "ratings.gz"
    path.write_bytes(gzip.compress(b"1,2,3\n" + b"\n" * 70_000_000))
    with pytest.raises(DataError, match=r"unpacks to more than 64.0 MB.*allow it with max_unpacked=…"):
        read_ratings(path)
    path.write_bytes(gzip.compress(b"1,2,3\n" + b"\n" * 1000))
    with pytest.raises(DataError, match="unpacks to more than 1,000 bytes"):
        read_ratings(path, max_unpacked=1000)
    assert len(read_ratings(path, max_unpacked=1006)) == 1
