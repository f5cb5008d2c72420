"""The real code path, against a server on this machine that serves archives of made-up ratings."""

import dataclasses
import hashlib
import io
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from matinee.datasets import disk, download, published, transfer
from matinee.errors import DataError

from ..conftest import SECONDS

NAME = "ml-latest-small"  # the one whose sum stands beside the archive, so that a test can make the archive


def made_up_archive(name: str = NAME, *, seed: int = 0, method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip laid out like GroupLens's; stored by default, so that it is as long as its 300 kB of ratings."""
    dataset = published.DATASETS[name]
    made_up = random.Random(seed)
    ratings = "".join(f"{made_up.randrange(10**6)},{made_up.randrange(10**6)},3.5,0\n" for _ in range(15_000))
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        archive.writestr(f"{dataset.folder}/", b"")
        archive.writestr(f"{dataset.folder}/{dataset.ratings}", ratings)
        archive.writestr(
            f"{dataset.folder}/{dataset.movies}", "movieId,title,genres\n1,Nothing (1999),Drama\n"
        )
        if dataset.users is not None:
            archive.writestr(f"{dataset.folder}/{dataset.users}", "1::F::25::0::00000\n")
    return held.getvalue()


def ratings_in(archive: bytes, name: str = NAME) -> bytes:
    dataset = published.DATASETS[name]
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return opened.read(f"{dataset.folder}/{dataset.ratings}")


class Mirror(ThreadingHTTPServer):
    """A GroupLens of the tests' own, with the faults that a test asks for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/movielens/"
        self.files: dict[str, bytes] = {}
        self.archive_requests: list[str | None] = []  # the Range of each request for an archive
        self.archive_bytes_sent = 0
        self.cuts: list[int] = []  # for each coming request for an archive: close after so many bytes
        self.answers: list[int] = []  # for each coming request for an archive: an error instead
        self.knows_ranges = True
        self.pause_after: int | None = None
        self.paused = threading.Event()
        self.go_on = threading.Event()

    def publish(self, name: str, archive: bytes, *, md5: str | None = None) -> None:
        self.files[f"{name}.zip"] = archive
        md5 = md5 or hashlib.md5(archive).hexdigest()
        self.files[f"{name}.zip.md5"] = f"MD5 ({name}.zip) = {md5}\n".encode()

    def handle_error(self, request, client_address):
        """Nothing: clients that go away are what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        name = self.path.removeprefix("/movielens/")
        body = self.server.files.get(name)
        if not name.endswith(".md5"):
            self.server.archive_requests.append(self.headers.get("Range"))
            if self.server.answers:
                return self.send_error(self.server.answers.pop(0))
        if body is None:
            return self.send_error(404)
        start = 0
        if self.server.knows_ranges and "Range" in self.headers:
            start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                return self.send_error(416)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        return self._send_archive(body[start:]) if not name.endswith(".md5") else self._send(body)

    def _send_archive(self, body: bytes) -> None:
        if self.server.cuts:
            body = body[: self.server.cuts.pop(0)]
        self.server.archive_bytes_sent += len(body)
        if self.server.pause_after is None:
            return self._send(body)
        self._send(body[: self.server.pause_after])
        self.server.paused.set()
        self.server.go_on.wait(SECONDS)
        return self._send(body[self.server.pause_after :])

    def _send(self, body: bytes) -> None:
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *arguments: object) -> None:
        """Nothing: the tests' output is for the tests."""


@pytest.fixture
def mirror(monkeypatch):
    monkeypatch.setattr(transfer, "FIRST_WAIT_SECONDS", 0.001)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("MATINEE_DATA", raising=False)
    with Mirror() as server:
        monkeypatch.setenv("MATINEE_DOWNLOAD_URL", server.url)
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield server
        server.go_on.set()
        server.shutdown()
        serving.join()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("MATINEE_CACHE", str(folder))
    return folder


def left_in(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if not path.name.endswith(".lock"))


def part_of(cache: Path, archive: bytes) -> Path:
    return cache / f"{NAME}.zip.{hashlib.md5(archive).hexdigest()}.part"


def start_python(script: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(script)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


# The plain way


def test_a_data_set_is_downloaded_once_and_then_found_in_the_cache(mirror, cache):
    archive = made_up_archive()
    mirror.publish(NAME, archive)
    folder = download.dataset_folder(NAME)
    assert folder == cache / NAME
    assert (folder / "ratings.csv").read_bytes() == ratings_in(archive)
    assert left_in(cache) == [NAME]
    mirror.files.clear()
    assert download.dataset_folder(NAME) == folder
    assert mirror.archive_requests == [None]


@pytest.mark.parametrize("name", published.MOVIELENS)
def test_every_data_set_has_its_files_where_its_archive_puts_them(mirror, cache, monkeypatch, name):
    archive = made_up_archive(name)
    mirror.publish(name, archive)
    if published.DATASETS[name].md5 is not None:
        ours = dataclasses.replace(published.DATASETS[name], md5=hashlib.md5(archive).hexdigest())
        monkeypatch.setitem(published.DATASETS, name, ours)
    files = download.dataset_files(name)
    assert files.ratings.read_bytes() == ratings_in(archive, name)
    assert files.movies.is_file()
    assert files.folder == files.ratings.parent == files.movies.parent
    assert (files.users is not None and files.users.is_file()) == (name in {"ml-100k", "ml-1m"})


def test_the_mirror_and_the_cache_can_be_given_in_the_call(mirror, cache, tmp_path, monkeypatch):
    monkeypatch.setenv("MATINEE_DOWNLOAD_URL", "http://127.0.0.1:9/nothing/listens/here")
    mirror.publish(NAME, made_up_archive())
    folder = download.dataset_folder(NAME, base_url=mirror.url.rstrip("/"), cache=tmp_path / "elsewhere")
    assert folder == tmp_path / "elsewhere" / NAME
    assert not cache.exists()


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("ml-1m", "ml-1m/ratings.dat"),
        ("ml-100k", "ml-100k/u.data"),
        ("ml-10m", "ml-10M100K/ratings.dat"),
        ("ml-10m", "ml-10m/ratings.dat"),
    ],
)
def test_the_folder_in_matinee_data_comes_first(mirror, cache, tmp_path, monkeypatch, name, file):
    for root in (tmp_path / "data", cache):
        (root / file).parent.mkdir(parents=True)
        (root / file).write_text("1::1::5::0\n")
    monkeypatch.setenv("MATINEE_DATA", str(tmp_path / "data"))
    assert download.dataset_files(name).ratings == tmp_path / "data" / file
    assert mirror.archive_requests == []


def test_a_set_that_matinee_data_lacks_is_downloaded_into_the_cache(mirror, cache, tmp_path, monkeypatch):
    (tmp_path / "data" / NAME).mkdir(parents=True)
    monkeypatch.setenv("MATINEE_DATA", str(tmp_path / "data"))
    mirror.publish(NAME, made_up_archive())
    assert download.dataset_folder(NAME) == cache / NAME
    assert list((tmp_path / "data" / NAME).iterdir()) == []


def test_an_unknown_name_is_answered_with_the_names_there_are():
    with pytest.raises(DataError, match=r"no dataset 'ml-1b'; expected one of ml-100k, .*ml-latest-small"):
        download.dataset_folder("ml-1b")


@pytest.mark.parametrize("url", ["files.example.org/sets", "file:///etc", "http://", "http://[::1/"])
def test_a_mirror_that_is_no_url_is_refused(cache, url):
    with pytest.raises(DataError, match="not a place to download from"):
        download.dataset_folder(NAME, base_url=url)


# Connections


def test_a_cut_connection_is_taken_up_where_it_was_cut(mirror, cache):
    archive = made_up_archive()
    mirror.publish(NAME, archive)
    mirror.cuts = [100_000, 50_000]
    folder = download.dataset_folder(NAME)
    assert (folder / "ratings.csv").read_bytes() == ratings_in(archive)
    assert mirror.archive_requests == [None, "bytes=100000-", "bytes=150000-"]
    assert mirror.archive_bytes_sent == len(archive)


def test_after_five_cuts_it_gives_up_and_the_next_call_goes_on_from_there(mirror, cache):
    archive = made_up_archive()
    mirror.publish(NAME, archive)
    mirror.cuts = [10_000] * 5
    with pytest.raises(DataError, match=r"failed 5 times.*50,000 of \d.* goes on from there"):
        download.dataset_folder(NAME)
    assert left_in(cache) == [part_of(cache, archive).name]
    folder = download.dataset_folder(NAME)
    assert (folder / "ratings.csv").read_bytes() == ratings_in(archive)
    assert mirror.archive_requests[-1] == "bytes=50000-"
    assert mirror.archive_bytes_sent == len(archive)
    assert left_in(cache) == [NAME]


def test_a_server_that_knows_no_ranges_sends_the_whole_again(mirror, cache):
    archive = made_up_archive()
    mirror.publish(NAME, archive)
    mirror.knows_ranges = False
    mirror.cuts = [100_000]
    folder = download.dataset_folder(NAME)
    assert (folder / "ratings.csv").read_bytes() == ratings_in(archive)
    assert mirror.archive_requests == [None, "bytes=100000-"]
    assert mirror.archive_bytes_sent == 100_000 + len(archive)


def test_a_server_that_falls_silent_is_asked_again(mirror, cache, monkeypatch):
    monkeypatch.setattr(transfer, "TIMEOUT_SECONDS", 2)  # a busy machine answers within
    archive = made_up_archive()
    mirror.publish(NAME, archive)
    mirror.pause_after = 200_000
    folder = download.dataset_folder(NAME)
    assert (folder / "ratings.csv").read_bytes() == ratings_in(archive)
    assert mirror.archive_requests == [None, "bytes=200000-"]


def test_a_part_longer_than_the_archive_is_dropped(mirror, cache):
    archive = made_up_archive()
    mirror.publish(NAME, archive)
    cache.mkdir()
    part_of(cache, archive).write_bytes(archive + b"and more")
    folder = download.dataset_folder(NAME)
    assert (folder / "ratings.csv").read_bytes() == ratings_in(archive)
    assert mirror.archive_requests == [f"bytes={len(archive) + 8}-", None]


def test_a_busy_server_is_asked_again(mirror, cache):
    mirror.publish(NAME, made_up_archive())
    mirror.answers = [503, 429]
    assert download.dataset_folder(NAME) == cache / NAME
    assert len(mirror.archive_requests) == 3


def test_a_missing_archive_is_asked_for_once_and_the_error_says_what_to_do(mirror, cache):
    mirror.publish(NAME, made_up_archive())
    del mirror.files[f"{NAME}.zip"]
    with pytest.raises(DataError, match=rf"{mirror.url}{NAME}\.zip: .*404 Not Found.*MATINEE_DATA"):
        download.dataset_folder(NAME)
    assert mirror.archive_requests == [None]
    assert left_in(cache) == []


def test_a_server_that_is_not_there_is_an_error_of_ours(cache, monkeypatch):
    monkeypatch.setattr(transfer, "FIRST_WAIT_SECONDS", 0.001)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    closed = Mirror()
    closed.server_close()
    with pytest.raises(DataError, match="failed 5 times, the last time with"):
        download.dataset_folder(NAME, base_url=closed.url)


def test_an_archive_longer_than_the_set_can_be_is_refused(mirror, cache, monkeypatch):
    small = dataclasses.replace(published.DATASETS[NAME], largest=200_000)
    monkeypatch.setitem(published.DATASETS, NAME, small)
    mirror.publish(NAME, made_up_archive())
    with pytest.raises(DataError, match=r"at most 0\.2 MB were expected"):
        download.dataset_folder(NAME)
    assert left_in(cache) == []


# Checksums


def test_a_wrong_checksum_names_both_sums_and_leaves_nothing(mirror, cache):
    archive = made_up_archive()
    mirror.publish(NAME, archive, md5="0123456789abcdef" * 2)
    with pytest.raises(DataError) as raised:
        download.dataset_folder(NAME)
    assert hashlib.md5(archive).hexdigest() in str(raised.value)
    assert "0123456789abcdef0123456789abcdef" in str(raised.value)
    assert "run it again" in str(raised.value)
    assert left_in(cache) == []


def test_a_mirror_cannot_pass_off_another_archive_with_a_sum_of_its_own(mirror, cache):
    mirror.publish("ml-1m", made_up_archive("ml-1m"))
    with pytest.raises(DataError, match="expected c4d9eecfca2ab87c1945afe126590906"):
        download.dataset_folder("ml-1m")
    assert left_in(cache) == []


def test_a_checksum_file_without_a_checksum_is_refused(mirror, cache):
    mirror.publish(NAME, made_up_archive())
    mirror.files[f"{NAME}.zip.md5"] = b"<html>Please log in to this network</html>"
    with pytest.raises(DataError, match="expected the archive's MD5 sum, and got '<html>Please"):
        download.dataset_folder(NAME)
    assert mirror.archive_requests == []


def test_a_set_that_changed_meanwhile_is_not_pieced_together_from_both(mirror, cache):
    mirror.publish(NAME, made_up_archive(seed=1))
    mirror.cuts = [10_000] * 5
    with pytest.raises(DataError):
        download.dataset_folder(NAME)
    later = made_up_archive(seed=2)
    mirror.publish(NAME, later)
    folder = download.dataset_folder(NAME)
    assert (folder / "ratings.csv").read_bytes() == ratings_in(later)
    assert mirror.archive_requests[-1] is None
    assert left_in(cache) == [NAME]


# Archives and disks


def test_an_archive_that_reaches_outside_its_folder_is_refused_and_leaves_nothing(mirror, cache, tmp_path):
    held = io.BytesIO(made_up_archive())
    with zipfile.ZipFile(held, "a") as archive:
        archive.writestr("../../escaped.txt", "escaped")
    mirror.publish(NAME, held.getvalue())
    with pytest.raises(DataError, match=r"'\.\./\.\./escaped\.txt' would be written outside"):
        download.dataset_folder(NAME)
    assert left_in(cache) == []
    assert {path.name for path in tmp_path.iterdir()} == {"cache"}


def test_an_archive_without_the_people_it_should_have_is_refused(mirror, cache, monkeypatch):
    held = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(made_up_archive("ml-100k"))) as whole,
        zipfile.ZipFile(held, "w") as archive,
    ):
        for name in ("ml-100k/u.data", "ml-100k/u.item"):
            archive.writestr(name, whole.read(name))
    mirror.publish("ml-100k", held.getvalue())
    md5 = hashlib.md5(held.getvalue()).hexdigest()
    ours = dataclasses.replace(published.DATASETS["ml-100k"], md5=md5)
    monkeypatch.setitem(published.DATASETS, "ml-100k", ours)
    with pytest.raises(DataError, match=r"ml-100k/u\.user is not in it"):
        download.dataset_folder("ml-100k")
    assert left_in(cache) == []


def test_an_archive_without_ratings_is_refused_and_leaves_nothing(mirror, cache):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(f"{NAME}/README.txt", "No ratings here.")
    mirror.publish(NAME, held.getvalue())
    with pytest.raises(DataError, match=r"ml-latest-small/ratings\.csv is not in it"):
        download.dataset_folder(NAME)
    assert left_in(cache) == []


def test_what_a_killed_process_left_half_unpacked_is_swept_away(mirror, cache):
    for half in (f".{NAME}.unpacking/{NAME}", NAME):
        (cache / half).mkdir(parents=True)
        (cache / half / "movies.csv").write_text("half of it")
    archive = made_up_archive()
    mirror.publish(NAME, archive)
    files = download.dataset_files(NAME)
    assert files.ratings.read_bytes() == ratings_in(archive)
    assert "half of it" not in files.movies.read_text()
    assert left_in(cache) == [NAME]


def test_a_disk_without_room_is_noticed_before_the_download(mirror, cache, monkeypatch):
    mirror.publish(NAME, made_up_archive())
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda folder: SimpleNamespace(free=17))
    with pytest.raises(DataError, match=rf"{cache}: 0\.\d MB are needed on its disk and 17 bytes are free"):
        download.dataset_folder(NAME)
    assert left_in(cache) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full to write to")
def test_a_disk_that_fills_up_while_downloading_leaves_nothing(mirror, cache):
    archive = made_up_archive()
    mirror.publish(NAME, archive)
    cache.mkdir()
    part_of(cache, archive).symlink_to("/dev/full")  # every write to it fails as on a full disk
    with pytest.raises(
        DataError, match=rf"{cache}: its disk is full .*room for 0\.\d MB there.*MATINEE_CACHE"
    ):
        download.dataset_folder(NAME)
    assert left_in(cache) == []
    assert (download.dataset_folder(NAME) / "ratings.csv").read_bytes() == ratings_in(archive)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot limit the size of a process's files")
def test_a_disk_that_fills_up_while_unpacking_leaves_the_whole_archive_only(mirror, cache):
    archive = made_up_archive(method=zipfile.ZIP_DEFLATED)
    mirror.publish(NAME, archive)
    assert len(archive) < 200_000 < len(ratings_in(archive))
    child = start_python(f"""
        import resource
        from matinee.datasets import download
        from matinee.errors import DataError
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        try:
            download.dataset_folder({NAME!r})
        except DataError as error:
            print(error)
    """)
    printed, errors = child.communicate(timeout=SECONDS)
    assert f"{cache}: its disk is full" in printed, errors
    assert part_of(cache, archive).read_bytes() == archive
    assert left_in(cache) == [part_of(cache, archive).name]
    assert (download.dataset_folder(NAME) / "ratings.csv").read_bytes() == ratings_in(archive)
    assert mirror.archive_requests == [None]


def test_a_cache_that_cannot_be_made_is_an_error_of_ours(mirror, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="cannot be used"):
        download.dataset_folder(NAME, cache=tmp_path / "file" / "cache")


# Processes and people


def test_two_processes_at_once_download_once(mirror, cache):
    archive = made_up_archive()
    mirror.publish(NAME, archive)
    mirror.pause_after = 1_000
    script = f"""
        from matinee.datasets import download
        print("ready", flush=True)
        print(download.dataset_folder({NAME!r}))
    """
    children = [start_python(script) for _ in range(2)]
    assert [child.stdout.readline() for child in children] == ["ready\n", "ready\n"]
    assert mirror.paused.wait(SECONDS)
    time.sleep(0.3)  # for the other one to come as far, as it would without a lock
    mirror.go_on.set()
    answers = [child.communicate(timeout=SECONDS) for child in children]
    assert answers == [(f"{cache / NAME}\n", "")] * 2
    assert mirror.archive_requests == [None]
    assert (cache / NAME / "ratings.csv").read_bytes() == ratings_in(archive)


def test_ctrl_c_leaves_a_part_that_the_next_call_goes_on_from(mirror, cache):
    archive = made_up_archive()
    mirror.publish(NAME, archive)
    mirror.pause_after = 100_000
    child = start_python(f"""
        import signal
        signal.signal(signal.SIGINT, signal.default_int_handler)
        from matinee.datasets import download
        try:
            download.dataset_folder({NAME!r})
        except KeyboardInterrupt:
            print("interrupted")
    """)
    assert mirror.paused.wait(SECONDS)
    part = part_of(cache, archive)
    while not part.is_file() or part.stat().st_size == 0:
        assert child.poll() is None, child.communicate()
    os.kill(child.pid, signal.SIGINT)
    assert child.communicate(timeout=SECONDS) == ("interrupted\n", "")
    assert left_in(cache) == [part.name]
    held = part.stat().st_size
    assert archive.startswith(part.read_bytes())
    mirror.pause_after = None
    assert (download.dataset_folder(NAME) / "ratings.csv").read_bytes() == ratings_in(archive)
    assert mirror.archive_requests == [None, f"bytes={held}-"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "progress", "shown"),
    [(Terminal, None, True), (Terminal, True, True), (Terminal, False, False), (io.StringIO, None, False)],
)
def test_progress_is_shown_on_a_terminal_only(mirror, cache, monkeypatch, stream, progress, shown):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stream())
    mirror.publish(NAME, made_up_archive())
    download.dataset_folder(NAME, progress=progress)
    assert (f"{NAME}.zip" in sys.stderr.getvalue()) == shown
    assert bool(sys.stderr.getvalue()) == shown
