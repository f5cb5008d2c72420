import gzip

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import matinee
from matinee.datasets.users import AGES, OCCUPATIONS, read_users
from matinee.errors import DataError, MatineeError

USERS_DAT = "1::F::1::10::48067\n2::M::56::16::70072\n7::M::25::0::55117\n"
U_USER = "1|24|M|technician|85711\n2|53|F|none|94043\n7|7|M|café owner|T8H1N\n"
CSV = 'userId,Age,"Plan, paid",city\n1,24,free,Rome\n2,,basic,"Paris, Texas"\n7,31,free,\n'
CSV_COLUMNS = {
    "user": [1, 2, 7],
    "Age": [24, None, 31],
    "Plan, paid": ["free", "basic", "free"],
    "city": ["Rome", "Paris, Texas", None],
}


def written(folder, content):
    path = folder / "users"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
def test_users_dat_gives_what_its_codes_stand_for(tmp_path, pack):
    users = read_users(written(tmp_path, pack(USERS_DAT.encode())))
    assert users.to_dict(as_series=False) == {
        "user": [1, 2, 7],
        "gender": ["F", "M", "M"],
        "age": ["under 18", "56+", "25-34"],
        "occupation": ["K-12 student", "self-employed", "other"],
    }


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_u_user_gives_ages_as_numbers(tmp_path, encoding):
    users = read_users(written(tmp_path, U_USER.encode(encoding)))
    assert users.to_dict(as_series=False) == {
        "user": [1, 2, 7],
        "gender": ["M", "F", "M"],
        "age": [24, 53, 7],
        "occupation": ["technician", "none", "café owner"],
    }
    assert users["age"].dtype == pl.Int64
    assert read_users(written(tmp_path, "1|24.5|M|x|0\n2|05|M|x|0\n"))["age"].to_list() == [24.5, 5.0]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_file_with_a_header_keeps_all_of_its_columns(tmp_path, separator):
    rows = pl.read_csv(CSV.encode())
    content = rows.write_csv(separator=separator, line_terminator="\r\n", quote_style="always")
    users = read_users(written(tmp_path, b"\xef\xbb\xbf" + content.encode()))
    assert users.to_dict(as_series=False) == CSV_COLUMNS


def test_the_user_column_may_stand_anywhere_and_comes_first(tmp_path):
    users = read_users(written(tmp_path, "\n\nscore,user_id,id\n1.5,u1,9\n2,u2,8\n\n"))
    assert users.to_dict(as_series=False) == {"user": ["u1", "u2"], "score": [1.5, 2.0], "id": [9, 8]}
    assert read_users(written(tmp_path, "age,id\n1,2\n")).rows(named=True) == [{"user": 2, "age": 1}]


def test_ids_are_strings_if_any_of_them_is(tmp_path):
    assert read_users(written(tmp_path, "user,x\nu1,1\n2,2\n"))["user"].to_list() == ["u1", "2"]
    assert read_users(written(tmp_path, "007::F::1::0::0\n8::F::1::0::0\n"))["user"].to_list() == ["007", "8"]


def test_text_that_looks_like_a_number_with_a_leading_zero_stays_text(tmp_path):
    users = read_users(written(tmp_path, "user,zip,share\n1,01234,0.5\n2,90210,NA\n"))
    assert users["zip"].to_list() == ["01234", "90210"]
    assert users["share"].to_list() == [0.5, None]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1::F::1::10::0\n2::M::56\n", ", line 2: 3 fields; expected user::gender::age::occupation::zip"),
        ("1::1193::5::978300760\n", ", line 1: 4 fields; expected user::gender::age::occupation::zip"),
        ("1::F::1::10::0::0\n", ", line 1: 6 fields; expected user::gender::age::occupation::zip"),
        ("1|24|M|x|0\n\n2|24|M\n", ", line 3: 3 fields; expected user|age|gender|occupation|zip"),
        ("user\tage\n1\n", ", line 2: 1 field; expected user\\tage"),
        ("user,age\n1,2,3\n", ", line 2: 3 fields; expected user,age"),
        ("1::F::1::0::0\n1::M::1::0::0\n", ", line 2: user 1 is given again, after line 1"),
        ("user,age\n1,2\n\n1,3\n", ", line 4: user 1 is given again, after line 2"),
        ("::F::1::0::0\n", ", line 1: the user is missing; expected user::gender"),
        ("1|24||x|0\n", ", line 1: the gender is missing; expected user|age|gender"),
        ("user,age\n,2\n", ", line 2: the user is missing; expected user,age"),
        ("1|24|M|x|0\n2|old|M|x|0\n", ", line 2: age 'old' is not a number; expected user|age|gender"),
        ("1|nan|M|x|0\n", ", line 1: age 'nan' is not a number"),
        ("1||M|x|0\n", ", line 1: the age is missing"),
        ("1::F::24::0::0\n",
         ", line 1: age '24' is unknown; expected one of the codes 1, 18, 25, 35, 45, 50, 56"),
        ("1::F::1::0::0\n2::F::1::21::0\n",
         ", line 2: occupation '21' is unknown; expected one of the codes 0, 1, 2"),
        ("userId,age\n", ": there are no users in the file"),
        ("userId,age,,x\n1,2,3,4\n", ", line 1: the header has a column without a name"),
        ("userId,age,age\n1,2,3\n", ", line 1: the header has two columns 'age'"),
        ("userId,user\n1,2\n", ", line 1: the header has two columns 'user'"),
        ("\nhello\n",
         ", line 2: expected user::gender::age::occupation::zip, "
         "user|age|gender|occupation|zip, or a header with user and something else; got 'hello'"),
        ("user\n1\n", ", line 1: expected user::gender"),
        ("1,2,3\n", ", line 1: expected user::gender"),
        ("", ": the file is empty"),
        (b"1::F::1::0::\x00\n", ", line 1: holds binary data (a NUL byte)"),
        (gzip.compress(CSV.encode(), mtime=0)[:-9], ": the gzip file is truncated or damaged"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_file_and_line(tmp_path, content, message):
    path = written(tmp_path, content)
    with pytest.raises(DataError) as caught:
        read_users(path)
    assert str(caught.value).startswith(f"{path}{message}")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="absent: there is no such file"):
        read_users(tmp_path / "absent")


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "users"


@settings(max_examples=200)
@given(
    head=st.sampled_from(["", USERS_DAT, U_USER, CSV]),
    cut=st.integers(0, 80),
    tail=st.binary(max_size=80)
    | st.lists(st.sampled_from([b"1", b"::", b",", b'"', b"|", b"\n", b"A"])).map(b"".join),
)
def test_whatever_the_bytes_the_answer_is_users_or_one_of_our_errors(scratch, head, cut, tail):
    scratch.write_bytes(head.encode()[:cut] + tail)
    try:
        users = read_users(scratch)
    except MatineeError as error:
        assert str(scratch) in str(error)
    else:
        assert users.columns[0] == "user"
        assert users["user"].n_unique() == users.height > 0


@pytest.mark.parametrize("name", ["demo", "ml-10m", "ml-20m", "ml-25m", "ml-32m", "ml-latest-small"])
def test_a_dataset_that_says_nothing_of_its_people_says_so_without_a_download(name, tmp_path, monkeypatch):
    monkeypatch.setenv("MATINEE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MATINEE_DOWNLOAD_URL", "http://127.0.0.1:9/nothing/listens/here")
    with pytest.raises(DataError, match=f"^{name} says nothing about its people; ml-100k and ml-1m do$"):
        matinee.load_users(name)
    assert not (tmp_path / "cache").exists()


def test_an_unknown_dataset_is_refused():
    with pytest.raises(DataError, match="there is no dataset 'ml-7'; expected one of demo, ml-100k"):
        matinee.load_users("ml-7")


def test_a_dataset_is_found_where_it_was_put(tmp_path, monkeypatch):
    folder = tmp_path / "ml-1m"
    folder.mkdir()
    (folder / "ratings.dat").write_text("1::1::5::0\n")
    (folder / "users.dat").write_text(USERS_DAT)
    monkeypatch.setenv("MATINEE_DATA", str(tmp_path))
    assert matinee.load_users("ml-1m")["age"].to_list() == ["under 18", "56+", "25-34"]


def test_the_users_of_movielens_1m_are_read_whole(movielens):
    users = read_users(movielens("ml-1m/users.dat"))
    assert users.height == 6_040
    assert users.columns == ["user", "gender", "age", "occupation"]
    lines = movielens("ml-1m/users.dat").read_text().splitlines()
    assert (users["gender"] == "F").sum() == sum("::F::" in line for line in lines)
    assert (users["age"] == "25-34").sum() == sum(line.split("::")[2] == "25" for line in lines)
    assert set(users["age"]) == set(AGES.values())
    assert set(users["occupation"]) == set(OCCUPATIONS)


def test_the_users_of_movielens_100k_are_read_whole(movielens):
    users = read_users(movielens("ml-100k/u.user"))
    assert users.height == 943
    assert (users["age"].min(), users["age"].max()) == (7, 73)
    assert set(users["occupation"]) == set(movielens("ml-100k/u.occupation").read_text().split())
