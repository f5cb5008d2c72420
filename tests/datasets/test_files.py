"""Files are unpacked, or the error says what they are and what to do."""

import bz2
import gzip
import io
import lzma
import os
import pickle
import threading
import zipfile

import numpy as np
import polars as pl
import pytest

from matinee import ALS, Ratings
from matinee.datasets import read_movies, read_ratings, read_users
from matinee.errors import DataError, MissingExtraError

CONTENT = b"user,item,rating\n1,2,3\n2,3,4\n"
ROWS = [(1, 2, 3.0), (2, 3, 4.0)]


def zipped(*files, **options):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", **options) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return stream.getvalue()


@pytest.fixture
def written(tmp_path):
    def write(content, name="file"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


PACKED = {
    "gzip": gzip.compress(CONTENT, mtime=0),
    "bzip2": bz2.compress(CONTENT),
    "xz": lzma.compress(CONTENT),
    "zip": zipped(("data/some.csv", CONTENT), compression=zipfile.ZIP_DEFLATED),
    "zip with a read-me file": zipped(("README.txt", "hello"), ("a.csv", CONTENT), ("__MACOSX/._a.csv", "x")),
    "zip of a dataset": zipped(
        ("ml/movies.csv", "x"), ("ml/ratings.csv", CONTENT), ("ml/old/ratings.csv", "x")
    ),
    "gzip in zip": zipped(("a.csv.gz", gzip.compress(CONTENT, mtime=0))),
}


@pytest.mark.parametrize("form", PACKED)
def test_every_usual_way_to_pack_is_unpacked(written, form):
    assert read_ratings(written(PACKED[form])).to_frame().rows() == ROWS


def test_zstandard_is_unpacked(written):
    zstandard = pytest.importorskip("zstandard")
    packed = zstandard.compress(CONTENT)
    assert read_ratings(written(packed)).to_frame().rows() == ROWS
    with pytest.raises(DataError, match="the Zstandard file is truncated or damaged"):
        read_ratings(written(packed[:6] + b"damaged"))


def test_zstandard_without_its_package_names_the_extra(written, monkeypatch):
    monkeypatch.setattr("matinee.datasets.unpacking.ZSTANDARD_MODULES", ("no_such_module",))
    with pytest.raises(
        MissingExtraError, match=r'file: Zstandard files need .* run: python -m pip install "matinee\[zst\]"'
    ):
        read_ratings(written(b"\x28\xb5\x2f\xfdrest"))


@pytest.mark.parametrize("form", ["gzip", "bzip2", "xz"])
def test_a_packed_file_that_is_cut_is_refused(written, form):
    with pytest.raises(DataError, match=f"file: the {form} file is truncated or damaged"):
        read_ratings(written(PACKED[form][:-8]))


def test_movies_and_users_are_taken_from_an_archive_by_their_names(written):
    archive = written(
        zipped(
            ("ml/ratings.csv", CONTENT),
            ("ml/movies.csv", "movieId,title\n7,Alien (1979)\n"),
            ("ml/users.csv", "user,age\n3,40\n"),
        )
    )
    assert str(read_movies(archive)[7]) == "Alien (1979)"
    assert read_users(archive).rows() == [(3, 40)]
    assert len(read_ratings(archive)) == 2


def test_an_archive_without_one_table_lists_what_it_holds(written):
    with pytest.raises(
        DataError, match=r"the zip archive holds a\.csv, b\.csv; expected one table; unpack it"
    ):
        read_ratings(written(zipped(("a.csv", CONTENT), ("b.csv", CONTENT))))
    with pytest.raises(DataError, match="the zip archive holds no table"):
        read_ratings(written(zipped()))
    with pytest.raises(
        DataError, match="is a workbook or document of an office program; save the table as CSV"
    ):
        read_ratings(written(zipped(("[Content_Types].xml", ""), ("xl/workbook.xml", ""))))


def test_an_archive_with_a_password_says_so(written):
    content = bytearray(zipped(("a.csv", CONTENT)))
    # The flag of an encrypted entry, in its own header and in the directory of the archive.
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(DataError, match="the zip archive is protected by a password; unpack it first"):
        read_ratings(written(bytes(content)))


def saved(write):
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"Obj\x01\x04\x14avro.codec", "is an Avro file; save the table as CSV or Parquet"),
        (b"ORC\x0f\x00rest", "is an ORC file"),
        (b"\x89HDF\r\n\x1a\nrest", "is an HDF5 file"),
        (b"SQLite format 3\x00rest", "is an SQLite database"),
        (saved(lambda stream: np.save(stream, np.eye(2))), "is an array of numpy"),
        (pickle.dumps({"a": 1}), "is a pickle"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an old Excel or Office file"),
        (b"7z\xbc\xaf\x27\x1c\x00\x04", "is a 7z archive; unpack it first"),
        (b"a/" + b"\0" * 255 + b"ustar\x0000", "is a tar archive; unpack it first"),
        (b"%PDF-1.7 rest", "is a PDF document"),
        (b"\x89PNG\r\n\x1a\nrest", "is a picture"),
        (b"\n <!DOCTYPE html>\n<html><body>1,2,3", "is a web page, perhaps an error or a login"),
        (b"<html>", "is a web page"),
        (b"<?xml version='1.0'?><ratings/>", "is an XML document"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "is a pointer of Git LFS"),
        (gzip.compress(b"a/" + b"\0" * 255 + b"ustar\x0000", mtime=0), "is a tar archive"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("read", [read_ratings, read_movies, read_users])
def test_a_file_of_another_format_is_called_by_its_name(written, content, message, read):
    path = written(content)
    with pytest.raises(DataError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: {message}")


def test_a_model_file_is_not_taken_for_ratings(tmp_path):
    path = tmp_path / "ratings.csv"
    ALS(n_factors=2, n_iterations=1).fit(Ratings.from_arrays([1, 2], [1, 2], [1, 2])).save(path)
    with pytest.raises(DataError, match=r"ratings\.csv: is a model file"):
        read_ratings(path)


def test_a_folder_says_which_of_its_files_may_be_meant(tmp_path):
    (tmp_path / "ratings.csv").write_bytes(CONTENT)
    with pytest.raises(DataError, match=r"is a folder; expected a file, such as .*ratings\.csv"):
        read_ratings(tmp_path)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "expected the path of a file, got NoneType"),
        (5, "expected the path of a file, got int"),
        (io.BytesIO(CONTENT), "expected the path of a file, got BytesIO; write it to a file first"),
        (pl.DataFrame({"a": [1]}), r"got DataFrame; make ratings of a frame with Ratings\.from_frame"),
        ("a\0b", "cannot be read"),
    ],
)
def test_what_is_no_path_is_refused(given, message):
    with pytest.raises(DataError, match=message):
        read_ratings(given)


def test_a_pipe_is_read_like_a_file(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=[CONTENT])
    writer.start()
    assert read_ratings(path).to_frame().rows() == ROWS
    writer.join()


def test_a_path_of_bytes_is_a_path(written):
    assert len(read_ratings(os.fsencode(written(CONTENT)))) == 2


@pytest.mark.parametrize("write", ["write_ipc", "write_ipc_stream", "write_parquet"])
def test_the_columnar_formats_give_the_same_ratings(tmp_path, write):
    frame = pl.DataFrame({"rating": [3, 4], "user_id": [1.0, 2.0], "parent_asin": [2, 3], "x": ["a", "b"]})
    getattr(frame, write)(tmp_path / "file")
    assert read_ratings(tmp_path / "file").to_frame().rows() == ROWS
    named = {"item": "user_id", "user": "parent_asin"}
    assert read_ratings(tmp_path / "file", columns=named).to_frame().rows() == [(2, 1, 3.0), (3, 2, 4.0)]
    with pytest.raises(DataError, match="file: column 'x' is taken for the item and the rating"):
        read_ratings(tmp_path / "file", columns={"item": "x", "rating": "x"})


@pytest.mark.parametrize("content", [b"ARROW1\0\0rest", b"\xff\xff\xff\xff\x10\0\0\0rest"])
def test_a_damaged_arrow_file_is_refused(written, content):
    with pytest.raises(DataError, match="file: the Arrow file is damaged"):
        read_ratings(written(content))
