import io
import stat
import struct
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matinee.datasets import archives, disk
from matinee.errors import DataError

RATINGS = "".join(f"{user}::{user % 7 + 1}::{user % 5 + 1}::0\n" for user in range(2_000)).encode()
LARGEST = 10_000_000


def zip_of(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return held.getvalue()


def unpacked(tmp_path: Path, archive: bytes, *, largest: int = LARGEST) -> dict[str, bytes]:
    (tmp_path / "set.zip").write_bytes(archive)
    folder = tmp_path / "inside" / "unpacked"
    folder.parent.mkdir()
    archives.unpack(tmp_path / "set.zip", folder, largest=largest)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def everything_under(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_the_files_come_out_as_they_went_in(tmp_path):
    archive = zip_of(
        ("ml/", b""), ("ml/ratings.dat", RATINGS), ("ml/more/deeper.txt", b"x"), ("ml/empty", b"")
    )
    assert unpacked(tmp_path, archive) == {
        "ml/ratings.dat": RATINGS,
        "ml/more/deeper.txt": b"x",
        "ml/empty": b"",
    }


@pytest.mark.parametrize(
    "name",
    ["../escaped", "ml/../../escaped", "/tmp/escaped", "..\\escaped", "C:\\escaped", "C:escaped", ".."],
)
def test_a_path_that_leaves_the_folder_is_refused_and_nothing_is_written(tmp_path, name):
    with pytest.raises(archives.ArchiveError, match="outside the folder") as raised:
        unpacked(tmp_path, zip_of(("ml/ratings.dat", RATINGS), (name, b"escaped")))
    assert repr(name) in str(raised.value)
    assert everything_under(tmp_path) == {"set.zip", "inside"}


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_a_link_or_a_device_is_refused_and_nothing_is_written(tmp_path, kind):
    link = zipfile.ZipInfo("ml/link")
    link.external_attr = (kind | 0o777) << 16
    with pytest.raises(archives.ArchiveError, match="'ml/link' is a link or a device"):
        unpacked(tmp_path, zip_of(("ml/ratings.dat", RATINGS), (link, b"/etc")))
    assert everything_under(tmp_path) == {"set.zip", "inside"}


def test_a_file_in_the_place_of_the_folder_itself_is_refused(tmp_path):
    with pytest.raises(archives.ArchiveError, match="same name"):
        unpacked(tmp_path, zip_of((".", b"")))


def test_a_damaged_offset_is_damage_to_the_archive_and_not_to_the_disk(tmp_path):
    archive = bytearray(zip_of(("ml/ratings.dat", RATINGS)))
    end = archive.rindex(b"PK\x05\x06")
    start = struct.unpack_from("<L", archive, end + 16)[0]
    struct.pack_into("<L", archive, end + 16, start + 1)  # every entry then begins a byte too early: at -1
    with pytest.raises(archives.ArchiveError, match="not a whole zip archive"):
        unpacked(tmp_path, bytes(archive))


@pytest.mark.parametrize(
    "second", ["ml/ratings.dat", "ML/Ratings.dat", "ml/ratings.dat/deeper", "ml/ratings.dat/"]
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_of_one_name_are_refused(tmp_path, second):
    with pytest.raises(archives.ArchiveError, match="same name"):
        unpacked(tmp_path, zip_of(("ml/ratings.dat", RATINGS), (second, b"")))


def test_an_archive_that_would_fill_the_disk_is_refused_before_it_is_unpacked(tmp_path):
    bomb = zip_of(("ml/ratings.dat", bytes(LARGEST)), ("ml/movies.dat", b"x"))
    assert len(bomb) < LARGEST / 500
    with pytest.raises(archives.ArchiveError, match=r"10\.0 MB; at most 10\.0 MB"):
        unpacked(tmp_path, bomb)
    assert everything_under(tmp_path) == {"set.zip", "inside"}


def test_an_archive_that_lies_about_its_size_gets_no_more_room_than_it_declared(tmp_path):
    honest = zip_of(("ml/ratings.dat", bytes(LARGEST)))
    lying = honest.replace(struct.pack("<L", LARGEST), struct.pack("<L", 100))
    with pytest.raises(archives.ArchiveError, match="not a whole zip archive"):
        unpacked(tmp_path, lying)
    written = tmp_path / "inside" / "unpacked" / "ml" / "ratings.dat"
    assert written.stat().st_size <= 100


def test_an_archive_of_thousands_of_files_is_refused(tmp_path):
    with pytest.raises(archives.ArchiveError, match="holds 1001 files; at most 1000"):
        unpacked(tmp_path, zip_of(*((f"ml/{number}", b"") for number in range(1_001))))


def test_a_compression_that_no_release_uses_is_refused(tmp_path):
    with pytest.raises(archives.ArchiveError, match="compression method 14"):
        unpacked(tmp_path, zip_of(("ml/ratings.dat", RATINGS), method=zipfile.ZIP_LZMA))


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    with pytest.raises(archives.ArchiveError, match="not a whole zip archive"):
        unpacked(tmp_path, b"<html>Please log in to this network</html>")


def test_a_disk_without_room_is_noticed_before_unpacking(tmp_path, monkeypatch):
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda folder: SimpleNamespace(free=17))
    with pytest.raises(
        DataError, match=r"inside: \d[\d,]* bytes are needed on its disk and 17 bytes are free"
    ):
        unpacked(tmp_path, zip_of(("ml/ratings.dat", RATINGS)))
    assert everything_under(tmp_path) == {"set.zip", "inside"}


@given(
    damage=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=8),
    length=st.integers(0, 10_000),
)
def test_damaged_archives_are_refused_or_unpacked_inside_the_folder(damage, length):
    archive = bytearray(
        zip_of(("ml/ratings.dat", RATINGS[:300]), ("ml/movies.dat", b"1::A Film (1999)::Drama\n"))
    )
    for position, value in damage:
        archive[position % len(archive)] = value
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        with suppress(archives.ArchiveError):
            unpacked(folder, bytes(archive[:length]))
        assert {path.name for path in folder.iterdir()} == {"set.zip", "inside"}
        assert {path.name for path in (folder / "inside").iterdir()} <= {"unpacked"}
