"""Datasets beside MovieLens, downloaded from a server on this machine that serves made-up archives."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from matinee import load_dataset, load_movies
from matinee.datasets import download, published
from matinee.errors import DataError

from .test_download import Mirror, cache, left_in, mirror
from .test_other_formats import LASTFM, LASTFM_ROWS, MIND, MIND_ROWS, STEAM, STEAM_ROWS

__all__ = ["cache", "mirror"]  # fixtures

AMAZON = "user_id,parent_asin,rating,timestamp\n" + "".join(
    f"A{user},B{user * item % 997},{item % 5 + 1}.0,1618424185397\n" for user in range(900) for item in (1, 2)
)
PLAYS = "lastfm-dataset-360K/usersha1-artmbid-artname-plays.tsv"


def zipped(files: dict[str, str]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return held.getvalue()


def tarred(files: dict[str, str], *more: tarfile.TarInfo) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
        for entry in more:
            archive.addfile(entry)
    return held.getvalue()


ARCHIVES: dict[str, tuple[str, bytes]] = {
    "goodbooks-10k": (
        "goodbooks-10k.zip",
        zipped(
            {
                "ratings.csv": "user_id,book_id,rating\n1,258,5\n2,4081,4\n",
                "books.csv": "book_id,authors,original_publication_year,title\n258,Zafón,2001.0,The Shadow\n",
                "tags.csv": "tag_id,tag_name\n0,-\n",
            }
        ),
    ),
    "lastfm-360k": (
        "lastfm-dataset-360K.tar.gz",
        tarred({PLAYS: LASTFM, "lastfm-dataset-360K/README.txt": "Plays."}),
    ),
    "steam": ("steam_reviews.json.gz", gzip.compress(STEAM.encode())),
    "mind-small": ("MINDsmall_train.zip", zipped({"behaviors.tsv": MIND, "news.tsv": "N3\tnews\n"})),
    "mind-large": ("MINDlarge_train.zip", zipped({"MINDlarge_train/behaviors.tsv": MIND})),
    "amazon-video-games": ("Video_Games.csv.gz", gzip.compress(AMAZON.encode())),
}
SEEN: dict[str, Callable[[list[Any]], object]] = {
    "goodbooks-10k": lambda rows: rows == [(1, 258, 5.0), (2, 4081, 4.0)],
    "lastfm-360k": lambda rows: rows == LASTFM_ROWS,
    "steam": lambda rows: rows == STEAM_ROWS,
    "mind-small": lambda rows: rows == MIND_ROWS,
    "mind-large": lambda rows: rows == MIND_ROWS,
    "amazon-video-games": lambda rows: len(rows) > 1000 and rows[0] == ("A0", "B0", 3.0, 1_618_424_185),
}


def publish(mirror: Mirror, monkeypatch: pytest.MonkeyPatch, name: str, archive: bytes | None = None) -> None:
    """Let the server have an archive, and let its sums be known where those of the real one are."""
    file, made_up = ARCHIVES[name]
    archive = made_up if archive is None else archive
    mirror.files[file] = archive
    known = published.DATASETS[name]
    sums = {
        kind: getattr(hashlib, kind)(archive).hexdigest()
        for kind in ("md5", "sha256")
        if getattr(known, kind) is not None
    }
    monkeypatch.setitem(published.DATASETS, name, dataclasses.replace(known, **sums))


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_dataset_is_downloaded_once_and_read(mirror, cache, monkeypatch, name):
    publish(mirror, monkeypatch, name)
    assert SEEN[name](load_dataset(name).to_frame().rows())
    assert left_in(cache) == [published.DATASETS[name].folder]
    mirror.files.clear()
    assert SEEN[name](load_dataset(name).to_frame().rows())
    assert mirror.archive_requests == [None]


@pytest.mark.parametrize("name", [*published.OTHERS, *published.AMAZON])
def test_without_a_mirror_a_dataset_comes_from_where_it_is_published(monkeypatch, name):
    monkeypatch.delenv("MATINEE_DOWNLOAD_URL", raising=False)
    dataset = published.DATASETS[name]
    if dataset.by_hand is None:
        address = download._archive_url(name, None)
        assert address == dataset.url
        assert address.startswith("https://")
        file = address.rsplit("/", 1)[-1]
        assert download._archive_url(name, "https://example.org/all/") == f"https://example.org/all/{file}"
    assert dataset.largest > 0 or dataset.by_hand is not None
    for known, length in ((dataset.md5, 32), (dataset.sha256, 64)):
        assert known is None or (len(known) == length and set(known) <= set("0123456789abcdef"))


def test_titles_are_read_where_there_are_some(mirror, cache, monkeypatch):
    publish(mirror, monkeypatch, "goodbooks-10k")
    assert load_movies("goodbooks-10k")[258].year == 2001
    with pytest.raises(DataError, match="steam has no titles that are read; ml-100k, .*goodbooks-10k have"):
        load_movies("steam")
    assert len(mirror.archive_requests) == 1


def test_what_must_be_downloaded_by_hand_is_found_or_the_error_says_how(mirror, cache, tmp_path, monkeypatch):
    with pytest.raises(
        DataError, match=r"yelp is not downloaded by programs: accept Yelp's terms at https:.*"
    ):
        load_dataset("yelp")
    assert mirror.archive_requests == []
    folder = tmp_path / "data" / "yelp_dataset"
    folder.mkdir(parents=True)
    (folder / "yelp_academic_dataset_review.json").write_text(
        '{"review_id":"r","user_id":"ann","business_id":"b","stars":4.0,"date":"2018-07-07 22:09:11"}\n'
    )
    monkeypatch.setenv("MATINEE_DATA", str(tmp_path / "data"))
    assert load_dataset("yelp").to_frame().rows() == [("ann", "b", 4.0, 1_531_001_351)]


def test_files_of_amazon_lie_beside_each_other(mirror, cache, monkeypatch):
    mirror.files["Video_Games.csv.gz"] = gzip.compress(AMAZON.encode())
    mirror.files["All_Beauty.csv.gz"] = gzip.compress(AMAZON.replace("A1,", "A1x,").encode())
    games, beauty = load_dataset("amazon-video-games"), load_dataset("amazon-all-beauty")
    assert set(beauty.users) - set(games.users) == {"A1x"}
    names = sorted(path.name for path in (cache / "amazon-2023").iterdir())
    assert names == ["All_Beauty.csv.gz", "Video_Games.csv.gz"]


def test_an_unknown_name_is_answered_with_the_names_there_are():
    expected = (
        "expected one of demo, ml-100k, .*, goodbooks-10k, .*, yelp, amazon-CATEGORY such as amazon-video-"
    )
    with pytest.raises(DataError, match=f"there is no dataset 'amazon-tvs'; {expected}"):
        load_dataset("amazon-tvs")


# ---- what can go wrong on the way ----------------------------------------------------------------


def test_a_file_of_unknown_sum_goes_on_where_it_was_cut(mirror, cache):
    archive = gzip.compress(AMAZON.encode())
    mirror.files["Video_Games.csv.gz"] = archive
    mirror.cuts = [1000] * 5
    with pytest.raises(DataError, match="failed 5 times"):
        load_dataset("amazon-video-games")
    assert left_in(cache) == ["Video_Games.csv.gz.unchecked.part"]
    assert SEEN["amazon-video-games"](load_dataset("amazon-video-games").to_frame().rows())
    assert mirror.archive_requests[-1] == "bytes=5000-"
    assert mirror.archive_bytes_sent == len(archive)


def test_a_file_pieced_together_from_two_is_noticed_by_the_sum_inside(mirror, cache):
    mirror.files["Video_Games.csv.gz"] = gzip.compress(AMAZON.encode())
    mirror.cuts = [1000] * 5
    with pytest.raises(DataError, match="failed 5 times"):
        load_dataset("amazon-video-games")
    mirror.files["Video_Games.csv.gz"] = gzip.compress(AMAZON.replace(",B", ",X").encode())
    with pytest.raises(DataError, match="not a whole gzip file; run it again to download it afresh"):
        load_dataset("amazon-video-games")
    assert [name for name in left_in(cache) if name.endswith(".part")] == []
    assert load_dataset("amazon-video-games").items[0].startswith("X")


@pytest.mark.parametrize("name", ["goodbooks-10k", "lastfm-360k"])
def test_another_archive_than_the_published_is_refused(mirror, cache, monkeypatch, name):
    file, archive = ARCHIVES[name]
    mirror.files[file] = archive
    dataset = published.DATASETS[name]
    kind = "MD5" if dataset.md5 else "SHA-256"
    with pytest.raises(
        DataError, match=f"the archive's {kind} sum is .*; expected {dataset.md5 or dataset.sha256}"
    ):
        load_dataset(name)
    assert left_in(cache) == []


@pytest.mark.parametrize("name", ["goodbooks-10k", "lastfm-360k"])
def test_an_archive_without_the_ratings_is_refused(mirror, cache, monkeypatch, name):
    make = zipped if name == "goodbooks-10k" else tarred
    publish(mirror, monkeypatch, name, make({"README.txt": "No ratings here."}))
    dataset = published.DATASETS[name]
    with pytest.raises(DataError, match=f"{dataset.folder}/{dataset.ratings} is not in it"):
        load_dataset(name)
    assert left_in(cache) == []


def entry(name: str, kind: bytes = tarfile.REGTYPE, **more: Any) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type = kind
    for attribute, value in more.items():
        setattr(made, attribute, value)
    return made


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (entry("../../escaped.txt"), r"'\.\./\.\./escaped\.txt' would be written outside the folder"),
        (entry("/etc/escaped.txt"), "would be written outside the folder"),
        (entry("lastfm/link", tarfile.SYMTYPE, linkname="/etc/passwd"), "is a link or a device"),
        (entry("lastfm/link", tarfile.LNKTYPE, linkname="../../x"), "is a link or a device"),
        (entry("lastfm/pipe", tarfile.FIFOTYPE), "is a link or a device"),
        (entry(PLAYS), "two of its entries have the same name"),
    ],
)
def test_a_tar_that_no_archive_of_ratings_would_be_is_refused(
    mirror, cache, tmp_path, monkeypatch, bad, message
):
    publish(mirror, monkeypatch, "lastfm-360k", tarred({PLAYS: LASTFM}, bad))
    with pytest.raises(DataError, match=message):
        load_dataset("lastfm-360k")
    assert left_in(cache) == []
    assert {path.name for path in tmp_path.iterdir()} == {"cache"}


@pytest.mark.parametrize(
    ("files", "largest", "message"),
    [
        ({PLAYS: LASTFM * 50}, 5_000, "it would take more than the .* that were expected"),
        ({f"lastfm/{n}": "" for n in range(1_200)}, 10**6, "it holds more than 1000 files"),
    ],
)
def test_a_tar_larger_than_the_set_can_be_or_of_too_many_files_is_refused(
    mirror, cache, monkeypatch, files, largest, message
):
    publish(mirror, monkeypatch, "lastfm-360k", tarred(files))
    small = dataclasses.replace(published.DATASETS["lastfm-360k"], largest=largest)
    monkeypatch.setitem(published.DATASETS, "lastfm-360k", small)
    with pytest.raises(DataError, match=message):
        load_dataset("lastfm-360k")
    assert left_in(cache) == []


@pytest.mark.parametrize("fault", ["cut", "no tar"])
def test_a_damaged_tar_is_refused(mirror, cache, monkeypatch, fault):
    whole = ARCHIVES["lastfm-360k"][1]
    damaged = whole[: len(whole) // 2] if fault == "cut" else b"<html>Please log in to this network</html>"
    publish(mirror, monkeypatch, "lastfm-360k", damaged)
    with pytest.raises(DataError, match=r"not a whole tar\.gz archive; run it again"):
        load_dataset("lastfm-360k")
    assert left_in(cache) == []


def test_a_web_page_in_place_of_a_packed_file_is_refused(mirror, cache):
    mirror.files["Video_Games.csv.gz"] = b"<html>Please log in to this network</html>"
    with pytest.raises(DataError, match="not a whole gzip file"):
        load_dataset("amazon-video-games")
    assert left_in(cache) == []


def test_the_command_knows_the_names(mirror, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from matinee.cli import run

    mirror.files["Video_Games.csv.gz"] = gzip.compress(AMAZON.encode())
    assert run(["download", "amazon-video-games"]) == 0
    assert capsys.readouterr().out == f"{cache / 'amazon-2023'}\n"
    assert run(["describe", "amazon-video-games"]) == 0
    assert "900" in capsys.readouterr().out
    assert run(["describe", "amazon-tvs"]) == 2
    assert "amazon-CATEGORY such as amazon-video-games" in capsys.readouterr().err
