"""Files of datasets beside MovieLens, made up in the form in which they are published."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from matinee import Ratings, read_movies, read_ratings
from matinee.datasets import json_files
from matinee.errors import DataError

NOON = 1_573_646_400  # 13 November 2019, 12:00 UTC


def rows_of(ratings: Ratings) -> list[tuple[object, ...]]:
    return ratings.to_frame().rows()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


# ---- Steam ---------------------------------------------------------------------------------------

STEAM = r"""{u'username': u'Chaos Syren', u'hours': 0.1, u'product_id': u'725280', u'date': u'2017-12-17', u'text': u'It\'s "fine"', u'early_access': False, u'page': 1}
{u'username': u"Ann's", u'user_id': u'765', u'hours': 51.1, u'product_id': u'328100', u'date': u'2017-12-27', u'text': u"{u'username': u'nobody', u'product_id': u'1'}", u'page': 1}

{u'text': u'x', u'product_id': u'725280', u'date': u'2017-10-16', u'username': u'\u9ed1 \ud83d\ude00 \\ \xe9'}
"""  # noqa: E501
STEAM_ROWS = [
    ("Ann's", 328100, 1.0, 1_514_332_800),
    ("Chaos Syren", 725280, 1.0, 1_513_468_800),
    ("黑 😀 \\ é", 725280, 1.0, 1_508_112_000),
]


@pytest.mark.parametrize("packed", [False, True])
def test_reviews_of_steam_count_1_each_and_their_texts_mislead_nobody(path: Path, packed: bool) -> None:
    path.write_bytes(gzip.compress(STEAM.encode()) if packed else STEAM.encode())
    ratings = read_ratings(path)
    assert rows_of(ratings) == STEAM_ROWS
    assert ratings.notes == ()
    assert rows_of(read_ratings(path, timestamps=False)) == [row[:3] for row in STEAM_ROWS]


def test_hours_at_steam_are_ratings_where_they_are_asked_for(path: Path) -> None:
    path.write_text(STEAM)
    ratings = read_ratings(path, columns={"rating": "hours"})
    assert [row[:2] for row in rows_of(ratings)] == [row[:2] for row in STEAM_ROWS[:2]]
    assert ratings.values.tolist() == pytest.approx([51.1, 0.1])
    assert ratings.notes == ("1 reviews without an author or hours are left out",)


def test_reviews_without_an_author_are_left_out_and_counted(path: Path) -> None:
    path.write_text(STEAM + "{u'username': u' ', u'product_id': u'5'}\n{u'product_id': u'5'}\n")
    ratings = read_ratings(path)
    assert rows_of(ratings) == STEAM_ROWS
    assert ratings.notes == ("2 reviews without an author are left out",)


def test_python_3_writes_them_without_a_letter_before(path: Path) -> None:
    path.write_text("{'username': 'ann', 'product_id': '10', 'early_access': True, 'found_funny': None}\n")
    assert rows_of(read_ratings(path)) == [("ann", 10, 1.0)]


@pytest.mark.parametrize(
    "line",
    [
        "{u'username': u'ann', u'product_id': u'10'",
        "{u'username': u'ann', u'product_id': u'10}",
        "{u'username': u'ann'}",
        "{u'username': u'ann', u'product_id': [u'10']}",
        "{u'username': __import__('os').system('true'), u'product_id': u'10'}",
        "{u'username': u'ann', u'product_id': u'10', u'hours': many}",
        "ann,10,5",
    ],
)
def test_a_line_that_is_no_review_is_named_and_nothing_in_it_is_run(path: Path, line: str) -> None:
    path.write_text(f"{STEAM}{line}\n")
    with pytest.raises(DataError, match=r"file, line 5: .*; expected \{'username': …, 'product_id': …\}"):
        read_ratings(path)


def test_a_dictionary_of_one_line_is_no_json(path: Path) -> None:
    path.write_text('{"user": "u\'", "item": 3, "rating": 4}\n')
    assert rows_of(read_ratings(path)) == [("u'", 3, 4.0)]


# ---- Last.fm -------------------------------------------------------------------------------------

ANN, BOB = "00000c289a1829a808ac09c00daf10bc3c4e223b", "00001411dc427966b17297bf4d69e7e193135d89"
MBID = "3bd73256-3905-4f3a-97e2-8b341527f805"
LASTFM = f'{ANN}\t{MBID}\tbetty blowtorch\t2137\n{ANN}\t\tdie Ärzte\t1099\n{BOB}\t{MBID}\t"weird al" NA\t 3\n'
LASTFM_ROWS = [(ANN, "betty blowtorch", 2137.0), (ANN, "die Ärzte", 1099.0), (BOB, '"weird al" NA', 3.0)]


def test_plays_of_lastfm_are_of_artists_by_name(path: Path) -> None:
    path.write_text(LASTFM, encoding="utf-8")
    ratings = read_ratings(path)
    assert rows_of(ratings) == LASTFM_ROWS
    assert ratings.notes == ()
    path.write_text(f"{LASTFM}{BOB}\t{MBID}\t\t7\n\t\tabba\t8\n", encoding="utf-8")
    ratings = read_ratings(path)
    assert rows_of(ratings) == LASTFM_ROWS
    assert ratings.notes == ("2 lines without a listener or an artist are left out",)


def test_artists_may_be_taken_by_their_ids_too(path: Path) -> None:
    path.write_text(LASTFM.replace("\t\tdie", f"\t{MBID[::-1]}\tdie"), encoding="utf-8")
    found = read_ratings(path, columns={"user": 0, "item": 1, "rating": 3})
    assert found.items.tolist() == sorted([MBID, MBID[::-1]])


@pytest.mark.parametrize(
    "line", [f"{BOB}\tabba\t3", f"{BOB}\t\tabba\tmany", f"{BOB}\t\tabba\t3\t4", f"{BOB}\t\tab\x1fba\t3"]
)
def test_a_line_of_lastfm_that_is_wrong_is_named(path: Path, line: str) -> None:
    path.write_text(f"{LASTFM}{line}\n", encoding="utf-8")
    with pytest.raises(
        DataError, match="file, line 4: .*; expected listener, id, artist and plays, separated"
    ):
        read_ratings(path)


# ---- MIND ----------------------------------------------------------------------------------------

MIND = (
    "1\tU7\t11/13/2019 12:00:00 PM\tN9 N8\tN3-1 N4-0 N5-1\n"
    "2\tU8\t11/13/2019 1:00:01 PM\t\tN4-0 N3-1\n"
    "3\tU7\t11/14/2019 12:00:00 AM\tN9 N8\tN9-1 N4-0\n"
)
MIND_ROWS = [
    ("U7", "N3", 1.0, NOON),
    ("U7", "N5", 1.0, NOON),
    ("U7", "N8", 1.0, None),
    ("U7", "N9", 1.0, NOON + 12 * 3600),
    ("U8", "N3", 1.0, NOON + 3601),
]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_was_clicked_counts_1_and_the_time_of_older_clicks_is_unknown(path: Path, end: str) -> None:
    path.write_bytes(MIND.replace("\n", end).encode())
    ratings = read_ratings(path)
    assert rows_of(ratings) == MIND_ROWS
    assert ratings.n_duplicates == 0
    assert rows_of(read_ratings(path, timestamps=False)) == [row[:3] for row in MIND_ROWS]


@pytest.mark.parametrize(
    "line",
    [
        "4\tU7\t11/14/2019 12:00:00 AM\tN9",
        "4\tU7\tyesterday\tN9\tN3-1",
        "4\t\t11/14/2019 12:00:00 AM\tN9\tN3-1",
    ],
)
def test_a_line_of_mind_that_is_wrong_is_named(path: Path, line: str) -> None:
    path.write_text(f"{MIND}{line}\n")
    expected = "expected number, user, time, history and impressions, separated by tabs"
    with pytest.raises(DataError, match=f"file, line 4: .*; {expected}"):
        read_ratings(path)


def test_without_a_single_click_there_are_no_ratings(path: Path) -> None:
    path.write_text("1\tU7\t11/13/2019 12:00:00 PM\t\tN3-0\n")
    with pytest.raises(DataError, match="file: there are no ratings"):
        read_ratings(path)


# ---- by readers of many files --------------------------------------------------------------------


def test_stars_at_yelp_are_read(path: Path) -> None:
    path.write_text(
        '{"review_id":"r1","user_id":"ann","business_id":"b1","stars":4.0,"useful":0,"funny":0,"cool":0,'
        '"text":"A {nice} place,\\nreally","date":"2018-07-07 22:09:11"}\n'
        '{"review_id":"r2","user_id":"bob","business_id":"b1","stars":1.0,"useful":0,"funny":0,"cool":0,'
        '"text":"No","date":"2012-01-03 15:28:18"}\n'
    )
    assert rows_of(read_ratings(path)) == [
        ("ann", "b1", 4.0, 1_531_001_351),
        ("bob", "b1", 1.0, 1_325_604_498),
    ]


def test_the_texts_of_reviews_are_left_where_they_are(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(
        "".join(f'{{"user_id":"u{n}","business_id":"b","stars":3.0,"text":"…"}}\n' for n in range(9))
    )
    selected = []
    of_frame = json_files.ratings_of_frame

    def noted(file: Any, frame: pl.DataFrame, reading: Any) -> Ratings:
        selected.append(frame.columns)
        return of_frame(file, frame, reading)

    monkeypatch.setattr(json_files, "ratings_of_frame", noted)
    assert len(read_ratings(path)) == len(read_ratings(path, columns={"item": 1})) == 9
    # By their number, columns are found among all.
    assert selected == [["user_id", "business_id", "stars"], ["user_id", "business_id", "stars", "text"]]
    with pytest.raises(DataError, match="columns is a list; expected a dictionary"):
        read_ratings(path, columns=["user_id"])  # type: ignore[arg-type]


def test_ratings_and_reviews_of_amazon_2023_say_the_same(path: Path) -> None:
    path.write_text("user_id,parent_asin,rating,timestamp\nAGGZ,B07DK1H3H5,4.0,1618424185397\n")
    expected = [("AGGZ", "B07DK1H3H5", 4.0, 1_618_424_185)]
    assert rows_of(read_ratings(path)) == expected
    path.write_text(
        '{"rating": 4.0, "title": "Fine", "text": "…", "images": [], "asin": "B07DJWBYKP", '
        '"parent_asin": "B07DK1H3H5", "user_id": "AGGZ", "timestamp": 1618424185397, "helpful_vote": 0, '
        '"verified_purchase": true}\n',
        encoding="utf-8",
    )
    assert rows_of(read_ratings(path)) == expected


def test_goodbooks_has_ratings_and_books(path: Path) -> None:
    path.write_text("user_id,book_id,rating\n1,258,5\n2,4081,4\n")
    assert rows_of(read_ratings(path)) == [(1, 258, 5.0), (2, 4081, 4.0)]
    path.write_text(
        "book_id,goodreads_book_id,best_book_id,work_id,books_count,isbn,isbn13,authors,"
        "original_publication_year,original_title,title,language_code\n"
        "1,2767052,2767052,2792775,272,439023483,9.78043902348e+12,Suzanne Collins,2008.0,The Hunger Games,"
        '"The Hunger Games (The Hunger Games, #1)",eng\n'
    )
    (book,) = read_movies(path).values()
    assert (book.item, book.title, book.year) == (1, "The Hunger Games (The Hunger Games, #1)", 2008)


def test_other_tables_of_tabs_stay_tables(path: Path) -> None:
    path.write_text("1\t2\t3\t4\n")
    assert read_ratings(path).to_frame().schema["timestamp"] == pl.Int64
