"""The real command in processes of its own: killed in the middle of things, and given another model."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

import matinee
from tests.web.conftest import free_port

COMMAND = str(Path(sysconfig.get_path("scripts")) / "matinee")
SECONDS = 90  # in which anything here has long happened


class Server:
    """A server of the command line, and the client of one account on it."""

    def __init__(self, folder: Path, model: Path, database: str, *options: object) -> None:
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        given = ["--folder", folder, "--model", model, "--movies", "demo", "--database", database]
        command = [COMMAND, "serve", *given, "--port", port, "--rate-limit", "none", "--migrate", *options]
        self.log = folder / f"{port}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                list(map(str, command)), stdout=log, stderr=log, start_new_session=True
            )
        self._wait()

    def _wait(self) -> None:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                if httpx2.get(f"{self.url}/ready").status_code == 200:
                    return
            except httpx2.TransportError:
                time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def kill(self) -> None:
        """kill −9."""
        self.process.kill()
        self.process.wait(SECONDS)

    def stop(self) -> int:
        """Tell it to stop; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(SECONDS)

    def make_token(self, name: str) -> str:
        """A token of a new account, made as a browser makes it."""
        with httpx2.Client(base_url=self.url, follow_redirects=True) as browser:

            def form(path: str, **fields: str) -> str:
                found = re.search(r'name="csrf_token" value="(\w+)"', browser.get("/login").text)
                assert found
                return browser.post(path, data={"csrf_token": found[1], **fields}).text

            form("/register", name=name, password="a long password")
            form("/login", name=name, password="a long password")
            made = re.search(r"matinee_[\w-]+", form("/account/tokens", name="script"))
        assert made
        return made[0]

    def client(self, token: str) -> httpx2.Client:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx2.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=SECONDS)


@pytest.fixture
def start(tmp_path: Path, demo_model: Path, empty_database: str) -> Iterator[Callable[..., Server]]:
    """Starts servers on one database and one model file, which is the test's own."""
    model = tmp_path / "model.safetensors"
    shutil.copy(demo_model, model)
    started: list[Server] = []

    def make(*options: object) -> Server:
        started.append(Server(tmp_path, model, empty_database, *options))
        return started[-1]

    yield make
    for server in started:
        server.stop()


def test_killed_in_a_stream_of_ratings_it_has_all_that_were_acknowledged(
    start: Callable[..., Server], items: dict[str, str]
) -> None:
    server = start()
    tokens = [server.make_token(f"visitor {number}") for number in range(3)]
    acknowledged: list[dict[str, float]] = [{} for _ in tokens]
    sent: list[dict[str, float]] = [{} for _ in tokens]
    films = list(items.values())

    def rate(number: int) -> None:
        with server.client(tokens[number]) as client:
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
    end = time.monotonic() + SECONDS
    while min(map(len, acknowledged)) < 30 and time.monotonic() < end:
        time.sleep(0.01)
    server.kill()
    for writer in writers:
        writer.join(SECONDS)
    assert min(map(len, acknowledged)) >= 30

    again = start()
    for token, known, tried in zip(tokens, acknowledged, sent, strict=True):
        with again.client(token) as client:
            kept = {one["item"]: one["rating"] for one in client.get("/me/ratings").json()["ratings"]}
        # The one that was under way when the server died may have come through, or not.
        under_way = {item for item, stars in tried.items() if known.get(item) != stars}
        assert len(under_way) <= 1
        certain = {item: stars for item, stars in known.items() if item not in under_way}
        assert {item: kept[item] for item in certain} == certain
        assert set(kept) - set(known) <= under_way
        for item in under_way & set(kept):
            assert kept[item] in (known.get(item), tried[item])


@pytest.mark.parametrize("empty_database", ["sqlite"], indirect=True)
def test_workers_take_up_a_new_model_without_dropping_a_request(
    start: Callable[..., Server], tmp_path: Path, items: dict[str, str]
) -> None:
    server = start("--workers", "2")
    body = {"ratings": [{"item": items["Alien"], "rating": 5}], "n": 3}
    asked, seen, ended = 0, set(), threading.Event()
    failures: list[Any] = []

    def ask() -> None:
        nonlocal asked
        while not ended.is_set():
            # A connection of its own each time, so that both workers are asked.
            answer = httpx2.post(f"{server.url}/api/v1/recommendations", json=body, timeout=SECONDS)
            asked += 1
            if answer.status_code != 200:
                failures.append(answer.text)
            else:
                seen.add(str([one["movie"]["item"] for one in answer.json()["recommendations"]]))

    asking = threading.Thread(target=ask)
    asking.start()
    end = time.monotonic() + SECONDS
    while asked < 20 and time.monotonic() < end:
        time.sleep(0.01)
    before = set(seen)
    ratings = matinee.load_dataset("demo")
    matinee.ALS(n_factors=2, regularization=1, random_state=5).fit(ratings, progress=False).save(
        tmp_path / "model.safetensors"
    )
    while len(seen) < 2 and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(2.5)  # until the other worker has looked too
    seen.clear()
    at_last = asked
    while asked < at_last + 20 and time.monotonic() < end:
        time.sleep(0.01)
    ended.set()
    asking.join(SECONDS)
    assert failures == []
    assert len(before) == 1
    assert len(seen) == 1
    assert seen != before


@pytest.mark.parametrize("empty_database", ["sqlite"], indirect=True)
def test_a_retraining_killed_in_the_middle_leaves_the_old_model_serving(
    start: Callable[..., Server], tmp_path: Path, empty_database: str, items: dict[str, str]
) -> None:
    server, model = start(), tmp_path / "model.safetensors"
    old = model.read_bytes()
    command = [COMMAND, "retrain", "--model", model, "--ratings", "demo", "--database", empty_database]
    body = {"ratings": [{"item": items["Alien"], "rating": 5}], "n": 3}

    def ask() -> Any:
        answer = httpx2.post(f"{server.url}/api/v1/recommendations", json=body, timeout=SECONDS)
        assert answer.status_code == 200
        return answer.json()

    before, n_killed = ask(), 0
    for wait in (0.5, 1.5, 2.0, 2.5):
        retraining = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL)
        time.sleep(wait)
        retraining.kill()
        retraining.wait(SECONDS)
        if model.read_bytes() != old:  # a quick machine: it had put the new model into place, whole
            assert isinstance(matinee.load(model), matinee.ALS)
            break
        n_killed += 1
        assert ask() == before
    assert n_killed
    # And it can be done again: the lock of the dead is no obstacle.
    done = subprocess.run(list(map(str, [*command, "--json"])), capture_output=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    assert model.read_bytes() != old
    assert ask()["recommendations"]


@pytest.mark.parametrize("empty_database", ["sqlite"], indirect=True)
def test_the_figures_of_all_workers_are_summed(start: Callable[..., Server]) -> None:
    server = start("--workers", "2")
    for _ in range(24):
        assert httpx2.get(f"{server.url}/health").status_code == 200
    text = httpx2.get(f"{server.url}/metrics").text
    found = re.search(r'matinee_requests_total\{method="GET",route="/health",status="200"\} (\S+)', text)
    assert found
    assert float(found[1]) == 24


@pytest.mark.parametrize("empty_database", ["sqlite"], indirect=True)
def test_told_to_stop_it_ends_by_itself(start: Callable[..., Server]) -> None:
    server = start()
    assert server.stop() in (0, -signal.SIGTERM)
    assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("empty_database", ["sqlite"], indirect=True)
def test_a_proxy_is_believed_if_it_is_trusted_and_nobody_else_is(start: Callable[..., Server]) -> None:
    said = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
    for options, is_believed in ((["--trust-proxy", "127.0.0.1"], True), ([], False)):
        server = start(*options)
        with httpx2.Client(base_url=server.url, headers=said) as proxy:
            cookie = proxy.get("/login").headers["set-cookie"]
        assert cookie.startswith("__Host-matinee=") == is_believed
        assert ("; Secure" in cookie) == is_believed
        assert server.stop() in (0, -signal.SIGTERM)
