"""Files that take the place of others: their permissions, and what a killed process leaves."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from matinee.errors import DataError
from matinee.files.atomic import replaced, unfinished
from matinee.models import ALS, load
from matinee.ratings import Ratings

from ..conftest import SECONDS, random_ratings

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals, locks and permission bits")


def save_model(path: Path) -> None:
    ALS(n_factors=1, n_iterations=1).fit(random_ratings(), progress=False).save(path)


def write_text(path: Path) -> None:
    with replaced(path) as part:
        part.write_text("whole")


WRITERS = pytest.mark.parametrize("write", [save_model, write_text])


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@WRITERS
def test_a_new_file_has_the_permissions_of_any_new_file(write: Callable, tmp_path: Path) -> None:
    write(tmp_path / "file")
    (tmp_path / "plain").touch()
    assert mode_of(tmp_path / "file") == mode_of(tmp_path / "plain")


# Neither of a new file nor of a temporary one.
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o606])
@WRITERS
def test_a_file_that_is_replaced_keeps_its_permissions(write: Callable, tmp_path: Path, mode: int) -> None:
    write(tmp_path / "file")
    (tmp_path / "file").chmod(mode)
    before = (tmp_path / "file").stat().st_ino
    write(tmp_path / "file")
    assert (tmp_path / "file").stat().st_ino != before
    assert mode_of(tmp_path / "file") == mode


WRITE_AND_DIE = """
    import os, signal, sys
    from pathlib import Path
    from matinee.files.atomic import unfinished

    with unfinished(Path(sys.argv[1])) as part:
        part.write_bytes(bytes(1 << 20))
        print(part.parent, flush=True)
        sys.stdin.read()
        os.kill(os.getpid(), signal.SIGKILL)
"""


def writer(path: Path) -> subprocess.Popen:
    """A process that has begun to write a file, and dies once its input ends."""
    command = [sys.executable, "-c", textwrap.dedent(WRITE_AND_DIE), str(path)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@WRITERS
def test_what_a_killed_process_left_is_removed_by_the_next_that_writes_the_file(
    write: Callable, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    with writer(path) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(SECONDS) == -signal.SIGKILL
    assert folder.is_dir()
    # Of another file, whose next writer will remove it, and what older versions left of this one.
    other = tmp_path / ".other.abcdefgh.part"
    other.mkdir()
    (tmp_path / ".file.k3_9abcd.part").write_bytes(b"half")
    (tmp_path / ".file.12345.part").write_bytes(b"half")
    # Not a name that any version gave.
    (tmp_path / ".file.mine.part").write_bytes(b"mine")
    write(path)
    assert {each.name for each in tmp_path.iterdir()} == {"file", other.name, ".file.mine.part"}


def test_a_file_that_another_process_is_writing_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with writer(path) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        write_text(path)
        assert (folder / "file").stat().st_size == 1 << 20
        process.kill()


def test_two_writers_of_one_file_in_one_process_do_not_disturb_each_other(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with unfinished(path) as one:
        one.write_text("one")
        write_text(path)
        assert one.read_text() == "one"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert path.read_text() == "whole"


def test_a_pipe_by_the_name_of_a_leftover_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".file.abcdefgh.part")
    write_text(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "whole"


def test_a_link_by_the_name_of_a_leftover_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "data").touch()
    (tmp_path / ".file.abcdefgh.part").symlink_to(tmp_path / "precious")
    write_text(tmp_path / "file")
    assert (tmp_path / "precious" / "data").exists()


def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write_text(tmp_path / "file")
    with (
        pytest.raises(DataError, match="file cannot be written: .*No space"),
        replaced(tmp_path / "file") as part,
    ):
        part.write_text("half")
        raise OSError(28, "No space left on device")
    assert (tmp_path / "file").read_text() == "whole"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_process_killed_while_saving_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "model"
    model = ALS(n_factors=1).fit(Ratings.from_arrays([1, 2], [1, 2], [3, 4]))
    model.save(path)
    before = path.read_bytes()
    script = """
        import os, signal, sys
        from matinee.models import ALS
        from matinee.ratings import Ratings

        model = ALS(n_factors=1).fit(Ratings.from_arrays([1, 2], [1, 2], [3, 4]))
        os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
        model.save(sys.argv[1])
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 2
    model.save(path)
    assert load(path).recommend(1) == model.recommend(1)
    assert [each.name for each in tmp_path.iterdir()] == ["model"]
