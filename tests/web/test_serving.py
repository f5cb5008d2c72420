"""The real command in processes of its own: killed in the middle of things, and given another model."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

import matinee
from matinee.web.store.engine import Store
from tests.web.server_process import COMMAND, HANG_SECONDS, ServerProcess, free_port
from tests.web.site import Site
from tests.web.stored import add_ratings

# The servers of a module are started once, so all its tests run in one worker.
pytestmark = pytest.mark.xdist_group("served")

SQLITE = pytest.mark.parametrize("empty_database", ["sqlite"], indirect=True)


def make_token(server: ServerProcess, name: str) -> str:
    """A token of a new account, made as a browser makes it."""
    with httpx2.Client(base_url=server.address, follow_redirects=True, timeout=HANG_SECONDS) as browser:

        def form(path: str, **fields: str) -> str:
            found = re.search(r'name="csrf_token" value="(\w+)"', browser.get("/login").text)
            assert found
            return browser.post(path, data={"csrf_token": found[1], **fields}).text

        form("/register", name=name, password="a long password")
        form("/login", name=name, password="a long password")
        made = re.search(r"matinee_[\w-]+", form("/account/tokens", name="script"))
    assert made
    return made[0]


def client_of(server: ServerProcess, token: str) -> httpx2.Client:
    """A program with a token."""
    headers = {"Authorization": f"Bearer {token}"}
    return httpx2.Client(base_url=f"{server.address}/api/v1", headers=headers, timeout=HANG_SECONDS)


def recommended(server: ServerProcess, items: dict[str, str]) -> list[str]:
    """What is recommended to somebody who likes Alien, asked over a connection of its own."""
    body = {"ratings": [{"item": items["Alien"], "rating": 5}], "n": 3}
    answer = httpx2.post(f"{server.address}/api/v1/recommendations", json=body, timeout=HANG_SECONDS)
    assert answer.status_code == 200, answer.text
    return [one["movie"]["item"] for one in answer.json()["recommendations"]]


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that will happen, however slow the machine is."""
    end = time.monotonic() + HANG_SECONDS
    while not condition():
        assert time.monotonic() < end, "it has not happened"
        time.sleep(0.01)


@pytest.fixture
def start(tmp_path: Path, demo_model: Path, empty_database: str) -> Iterator[Callable[..., ServerProcess]]:
    """Starts servers on one database."""
    started: list[ServerProcess] = []

    def make(*options: object) -> ServerProcess:
        usual = ["--model", demo_model, "--movies", "demo", "--database", empty_database, "--migrate"]
        started.append(ServerProcess(tmp_path, *usual, *options))
        return started[-1]

    yield make
    for server in started:
        server.kill()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, demo_model: Path) -> Path:
    """A model file that tests may replace."""
    return Path(shutil.copy(demo_model, tmp_path_factory.mktemp("served") / "model.safetensors"))


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("two-workers")
    server = ServerProcess(folder, "--model", model, "--movies", "demo", "--workers", "2")
    yield server
    server.kill()


def test_killed_in_a_stream_of_ratings_it_has_all_that_were_acknowledged(
    start: Callable[..., ServerProcess],
    make_site: Callable[..., Site],
    empty_database: str,
    items: dict[str, str],
) -> None:
    server = start()
    tokens = [make_token(server, f"visitor {number}") for number in range(3)]
    acknowledged: list[dict[str, float]] = [{} for _ in tokens]
    sent: list[dict[str, float]] = [{} for _ in tokens]
    films = list(items.values())

    def rate(number: int) -> None:
        with client_of(server, tokens[number]) as client:
            for turn in range(100_000):
                item, stars = films[turn % 40], 0.5 + (turn * 7 % 10) / 2
                sent[number][item] = stars
                try:
                    answer = client.put(f"/me/ratings/{item}", json={"rating": stars})
                except httpx2.TransportError:
                    return
                assert answer.status_code == 200, answer.text
                acknowledged[number][item] = stars

    writers = [threading.Thread(target=rate, args=(number,)) for number in range(len(tokens))]
    for writer in writers:
        writer.start()
    wait_until(lambda: min(map(len, acknowledged)) >= 30)
    server.kill()
    for writer in writers:
        writer.join(HANG_SECONDS)

    again = make_site(database=empty_database).client()
    for token, known, tried in zip(tokens, acknowledged, sent, strict=True):
        answer = again.get("/api/v1/me/ratings", headers={"Authorization": f"Bearer {token}"})
        kept = {one["item"]: one["rating"] for one in answer.json()["ratings"]}
        # The one that was under way when the server died may have come through, or not.
        under_way = {item for item, stars in tried.items() if known.get(item) != stars}
        assert len(under_way) <= 1
        certain = {item: stars for item, stars in known.items() if item not in under_way}
        assert {item: kept[item] for item in certain} == certain
        assert set(kept) - set(known) <= under_way
        for item in under_way & set(kept):
            assert kept[item] in (known.get(item), tried[item])


def test_the_figures_of_all_workers_are_summed(two_workers: ServerProcess) -> None:
    for _ in range(24):
        answer = httpx2.get(f"{two_workers.address}/health", timeout=HANG_SECONDS)
        assert answer.status_code == 200
    text = httpx2.get(f"{two_workers.address}/metrics", timeout=HANG_SECONDS).text
    found = re.search(r'matinee_requests_total\{method="GET",route="/health",status="200"\} (\S+)', text)
    assert found
    assert float(found[1]) == 24


def test_workers_take_up_a_new_model_without_dropping_a_request(
    two_workers: ServerProcess, model: Path, other_model: Path, items: dict[str, str]
) -> None:
    answers: list[list[str]] = []
    failures: list[BaseException] = []
    ended = threading.Event()

    def ask() -> None:
        try:
            while not ended.is_set():
                answers.append(recommended(two_workers, items))
        except BaseException as error:
            failures.append(error)

    def are_alike(last: list[list[str]]) -> bool:
        return len(last) == 20 and all(answer == last[0] for answer in last)

    asking = threading.Thread(target=ask)
    asking.start()
    wait_until(lambda: bool(failures) or are_alike(answers[-20:]))
    before = answers[0]
    part = model.with_suffix(".part")
    shutil.copy(other_model, part)
    part.replace(model)
    # One worker sees the new file before the other.
    wait_until(lambda: bool(failures) or (answers[-1] != before and are_alike(answers[-20:])))
    ended.set()
    asking.join(HANG_SECONDS)
    assert failures == []
    assert {tuple(answer) for answer in answers} == {tuple(before), tuple(answers[-1])}
    wait_until(lambda: two_workers.log.read_text().count("was replaced; the new model is served") == 2)


def test_a_retraining_killed_in_the_middle_leaves_the_old_model(
    tmp_path: Path, demo_model: Path, migrated_sqlite: Path
) -> None:
    model, lock = tmp_path / "model.safetensors", tmp_path / ".model.safetensors.lock"
    old = demo_model.read_bytes()
    database = f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'matinee.sqlite3')}"
    command = [COMMAND, "retrain", "--model", model, "--ratings", "demo", "--database", database, "--json"]

    def kill_in_the_middle() -> bool:
        """Kill a retraining that has begun; whether it had not ended yet."""
        shutil.copy(demo_model, model)
        lock.unlink(missing_ok=True)
        retraining = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL)
        wait_until(lambda: lock.exists() or retraining.poll() is not None)
        retraining.kill()
        status = retraining.wait(HANG_SECONDS)
        assert status in (0, -signal.SIGKILL)
        return status == -signal.SIGKILL and model.read_bytes() == old

    # On a busy machine a retraining may have ended before this one comes to kill it.
    while not kill_in_the_middle():
        assert isinstance(matinee.load(model), matinee.ALS)
    # And it can be done again: the lock of the dead is no obstacle.
    done = subprocess.run(list(map(str, command)), capture_output=True, timeout=HANG_SECONDS)
    assert done.returncode == 0, done.stderr
    assert model.read_bytes() != old
    assert isinstance(matinee.load(model), matinee.ALS)


SAID_BY_A_PROXY = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}


def cookie_by_proxy(server: ServerProcess) -> str:
    """The cookie that a server sends to a browser behind something that says it is a proxy."""
    headers: Any = httpx2.get(
        f"{server.address}/login", headers=SAID_BY_A_PROXY, timeout=HANG_SECONDS
    ).headers
    return str(headers["set-cookie"])


@SQLITE
def test_a_trusted_proxy_is_believed_and_told_to_stop_the_server_ends_by_itself(
    start: Callable[..., ServerProcess],
) -> None:
    server = start("--trust-proxy", "127.0.0.1")
    cookie = cookie_by_proxy(server)
    assert cookie.startswith("__Host-matinee=")
    assert "; Secure" in cookie
    assert server.stop() in (0, -signal.SIGTERM)
    assert "Traceback" not in server.log.read_text()


def test_nobody_else_is_believed_to_be_a_proxy(two_workers: ServerProcess) -> None:
    cookie = cookie_by_proxy(two_workers)
    assert cookie.startswith("matinee=")
    assert "; Secure" not in cookie


def ask_until_refused(server: ServerProcess, answers: list[int], failures: list[BaseException]) -> None:
    """Ask over a new connection each time, until the server takes none."""
    while True:
        try:
            answers.append(httpx2.get(f"{server.address}/api/v1/movies", timeout=HANG_SECONDS).status_code)
        except httpx2.ConnectError:
            return
        except BaseException as error:
            failures.append(error)
            return


@SQLITE
@pytest.mark.parametrize("workers", [1, 2])
def test_told_to_stop_under_load_it_answers_every_connection_that_it_took(
    start: Callable[..., ServerProcess], workers: int
) -> None:
    server = start("--workers", workers)
    answers: list[int] = []
    failures: list[BaseException] = []
    asking = [threading.Thread(target=ask_until_refused, args=(server, answers, failures)) for _ in range(16)]
    for thread in asking:
        thread.start()
    wait_until(lambda: len(answers) > 100 or bool(failures))
    assert server.stop() in (0, -signal.SIGTERM)
    for thread in asking:
        thread.join(HANG_SECONDS)
    assert failures == []
    assert set(answers) == {200}
    assert "Traceback" not in server.log.read_text()


def test_it_says_where_it_is_once_and_when_it_is_there(tmp_path: Path, demo_model: Path) -> None:
    port = free_port()
    command = [COMMAND, "serve", "--model", demo_model, "--folder", tmp_path, "--port", port, "--workers", 2]
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first == f"Matinee is at http://127.0.0.1:{port}/  (stop with Ctrl-C)\n"
        assert httpx2.get(f"http://127.0.0.1:{port}/health", timeout=HANG_SECONDS).status_code == 200
        process.terminate()
        rest, _ = process.communicate(timeout=HANG_SECONDS)
        assert rest == ""
    finally:
        process.kill()


def test_a_connection_goes_on_after_a_head(two_workers: ServerProcess) -> None:
    with httpx2.Client(base_url=two_workers.address, timeout=HANG_SECONDS) as client:
        for method in ("HEAD", "GET", "HEAD", "GET"):
            answer = client.request(method, "/api/v1/movies")
            assert answer.status_code == 200
            assert int(answer.headers["content-length"]) > 100
    assert "Traceback" not in two_workers.log.read_text()


def workers_of(server: ServerProcess) -> set[int]:
    """The processes of a server that answer requests."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    named = {int(child): Path(f"/proc/{child}/cmdline").read_bytes() for child in children}
    return {child for child, line in named.items() if b"spawn_main" in line}


def n_connections_of(worker: int, server: ServerProcess) -> int:
    """How many clients a process has now."""
    port = f":{int(server.address.rsplit(':', 1)[1]):04X}"
    lines = [line.split() for line in Path(f"/proc/{worker}/net/tcp").read_text().splitlines()[1:]]
    established = {f"socket:[{line[9]}]" for line in lines if line[1].endswith(port) and line[3] == "01"}
    held = [file.readlink() for file in Path(f"/proc/{worker}/fd").iterdir() if file.is_symlink()]
    return sum(str(one) in established for one in held)


def test_connections_that_stay_open_are_shared_by_the_workers(two_workers: ServerProcess) -> None:
    with ExitStack() as opened:
        clients = [
            opened.enter_context(httpx2.Client(base_url=two_workers.address, timeout=HANG_SECONDS))
            for _ in range(12)
        ]
        for client in clients:
            assert client.get("/health").status_code == 200
        counts = [n_connections_of(worker, two_workers) for worker in workers_of(two_workers)]
    assert sum(counts) == 12
    assert min(counts) >= 2, counts


def test_a_worker_that_dies_is_replaced(two_workers: ServerProcess) -> None:
    before = workers_of(two_workers)
    assert len(before) == 2
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(workers_of(two_workers) - {victim}) == 2)
    assert f"worker {victim} ended with status -9; another is started" in two_workers.log.read_text()
    assert httpx2.get(f"{two_workers.address}/health", timeout=HANG_SECONDS).status_code == 200


@SQLITE
def test_workers_end_when_their_parent_was_killed(start: Callable[..., ServerProcess]) -> None:
    server = start("--workers", 2)
    workers = workers_of(server)
    assert len(workers) == 2
    os.kill(server.pid, signal.SIGKILL)

    def is_running(worker: int) -> bool:
        try:
            return Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except FileNotFoundError:
            return False

    wait_until(lambda: not any(map(is_running, workers)))


@SQLITE
@pytest.mark.parametrize("workers", [1, 2])
def test_a_film_that_the_model_did_not_know_is_recommended_once_visitors_have_rated_it(
    start: Callable[..., ServerProcess],
    tmp_path: Path,
    empty_database: str,
    items: dict[str, str],
    workers: int,
) -> None:
    new, liked = items["Aliens"], [items[title] for title in ("Alien", "Blade Runner", "The Terminator")]
    demo = matinee.load_dataset("demo").to_frame()
    old = matinee.Ratings.from_frame(demo.filter(demo["item"] != int(new)))
    model = tmp_path / "old.safetensors"
    watched = matinee.ImplicitALS(n_factors=16, unobserved_weight=0.1, n_iterations=4, random_state=0)
    watched.fit(old, progress=False).save(model)
    server = start("--model", model, "--workers", workers, "--refresh", "1s")
    body = {"ratings": [{"item": item, "rating": 5} for item in liked], "n": 5}

    def recommended_films() -> list[str]:
        answer = httpx2.post(f"{server.address}/api/v1/recommendations", json=body, timeout=HANG_SECONDS)
        assert answer.status_code == 200, answer.text
        return [one["movie"]["item"] for one in answer.json()["recommendations"]]

    assert new not in recommended_films()
    store = Store(empty_database)
    add_ratings(store, [dict.fromkeys([*liked, new], 5.0) | {items["Notting Hill"]: 1.0}] * 60)
    store.close()
    # One worker sees the new file before the other.
    wait_until(lambda: all(new in recommended_films() for _ in range(10)))
    said = server.log.read_text()
    assert said.count("was refreshed with visitors' ratings; the new model is served") >= workers
    assert "300 ratings and 1 films are new" in said
    assert server.stop() in (0, -signal.SIGTERM)
    assert "Traceback" not in server.log.read_text()
