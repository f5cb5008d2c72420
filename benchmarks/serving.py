"""Measures the server under load: another process sends requests at a fixed rate, and times each one.

The time of a request starts when the request was due, not when it could be sent, so a server that stalls is
charged for all requests that wait. The model is the default `Recommender` or an `ALS` with 64 factors, of
random ratings of 4,000 films.

    python benchmarks/serving.py                      # stateless recommendations, and SQLite
    python benchmarks/serving.py --postgres URL       # also an empty database of PostgreSQL
    python benchmarks/serving.py --model als          # in place of the default recommender
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import matinee

MATINEE = str(Path(sysconfig.get_path("scripts")) / "matinee")
RANK, N_FILMS, N_USERS, N_EACH, N_RATED = 64, 4_000, 3_000, 60, 20
MODELS: dict[str, matinee.Recommender | matinee.ALS] = {
    "recommender": matinee.Recommender(random_state=0),
    "als": matinee.ALS(n_factors=RANK, n_iterations=2, random_state=0),
}
PORT = 8_765
HEADER_END = b"\r\n\r\n"


def write_model(path: Path, kind: str) -> None:
    """Write a model of random ratings; the time of its answers does not depend on what it has learned."""
    generator = np.random.default_rng(0)
    users = np.repeat(np.arange(N_USERS), N_EACH)
    items = generator.integers(0, N_FILMS, len(users))
    items[:N_FILMS] = np.arange(N_FILMS)
    stars = generator.integers(1, 11, len(users)) / 2
    ratings = matinee.Ratings.from_arrays(users, items, stars)
    MODELS[kind].fit(ratings, progress=False).save(path)


class Connection:
    """One persistent connection, for one request at a time."""

    def __init__(self) -> None:
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, request: bytes) -> int:
        """The status of the answer."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", PORT)
        assert self._reader is not None
        self._writer.write(request)
        head = await self._reader.readuntil(HEADER_END)
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        if length:
            await self._reader.readexactly(int(length[1]))
        return int(head.split(b" ", 2)[1])


@dataclass
class Load:
    """The requests that were sent, and the results."""

    seconds: list[float] = field(default_factory=list)
    n_errors: int = 0

    async def send(self, requests: list[bytes], rate: float) -> None:
        """Send the requests at a rate a second, however long the answers take."""
        idle: list[Connection] = []

        async def one(request: bytes, due: float) -> None:
            connection = idle.pop() if idle else Connection()
            try:
                status = await connection.ask(request)
            except (OSError, asyncio.IncompleteReadError):
                status = 0
            else:
                idle.append(connection)
            self.seconds.append(time.perf_counter() - due)
            self.n_errors += not 200 <= status < 300

        begin = time.perf_counter() + 0.1
        tasks = []
        for number, request in enumerate(requests):
            due = begin + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.append(asyncio.create_task(one(request, due)))
        await asyncio.gather(*tasks)

    async def saturate(self, requests: list[bytes], n_connections: int) -> None:
        """Send the requests over so many connections, each the next one as soon as the last is answered."""
        waiting = iter(requests)

        async def one() -> None:
            connection = Connection()
            for request in waiting:
                begin = time.perf_counter()
                status = await connection.ask(request)
                self.seconds.append(time.perf_counter() - begin)
                self.n_errors += not 200 <= status < 300

        await asyncio.gather(*(one() for _ in range(n_connections)))

    def __str__(self) -> str:
        p50, p99, most = np.percentile(self.seconds, [50, 99, 100]) * 1000
        n = len(self.seconds)
        times = f"p50 {p50:6.1f} ms   p99 {p99:6.1f} ms   max {most:6.1f} ms"
        return f"{times}   {n:,} requests, {self.n_errors} errors"


def http(method: str, path: str, body: object = None, token: str = "") -> bytes:
    """The bytes of one HTTP request."""
    data = b"" if body is None else json.dumps(body).encode()
    head = [f"{method} /api/v1{path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(data)}"]
    head += ["Content-Type: application/json"] if data else []
    head += [f"Authorization: Bearer {token}"] if token else []
    return "\r\n".join([*head, "", ""]).encode() + data


def posted(n: int, *, n_reasons: int) -> list[bytes]:
    """Requests for recommendations, each with ratings of random films."""
    draw = random.Random(1)
    bodies = (
        [
            {"item": str(item), "rating": draw.randint(1, 10) / 2}
            for item in draw.sample(range(N_FILMS), N_RATED)
        ]
        for _ in range(n)
    )
    return [http("POST", "/recommendations", {"ratings": one, "n_reasons": n_reasons}) for one in bodies]


def visits(n: int, tokens: list[str]) -> list[bytes]:
    """Requests that alternately store a visitor's rating and ask for the visitor's recommendations."""
    draw = random.Random(2)
    requests = []
    for _ in range(n // 2):
        token, item = draw.choice(tokens), draw.randrange(N_FILMS)
        requests.append(http("PUT", f"/me/ratings/{item}", {"rating": draw.randint(1, 10) / 2}, token))
        requests.append(http("GET", "/me/recommendations", token=token))
    return requests


class Server:
    """The server, started with the real command in processes of its own."""

    def __init__(self, folder: Path, model: Path, database: str, workers: int) -> None:
        command = [MATINEE, "serve", "--model", model, "--folder", folder, "--port", PORT, "--migrate"]
        options = [
            "--workers",
            workers,
            "--rate-limit",
            "none",
            *(["--database", database] if database else []),
        ]
        self._process = subprocess.Popen(
            list(map(str, [*command, *options])), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def __enter__(self) -> Server:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{PORT}/ready").close()
            except OSError:
                time.sleep(0.1)
            else:
                time.sleep(3)  # until the last worker is up
                return self
        raise SystemExit("the server does not answer")

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)


def make_token(name: str) -> str:
    """The token of a new account, made with the same requests as in a browser."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    root = f"http://127.0.0.1:{PORT}"

    def form(path: str, **fields: str) -> str:
        page = opener.open(f"{root}/login").read().decode()
        found = re.search(r'name="csrf_token" value="([0-9a-f]+)"', page)
        assert found
        data = urllib.parse.urlencode({"csrf_token": found[1], **fields}).encode()
        text: str = opener.open(f"{root}{path}", data).read().decode()
        return text

    form("/register", name=name, password="a long password")
    form("/login", name=name, password="a long password")
    found = re.search(r"matinee_[\w-]+", form("/account/tokens", name="benchmark"))
    assert found
    return found[0]


def measure(label: str, requests: list[bytes], rate: float) -> None:
    """Send some requests to warm the server up, then the measured ones, and print the results."""
    asyncio.run(Load().send(requests[:200], rate))
    load = Load()
    asyncio.run(load.send(requests, rate))
    print(f"{label:44} {load}; load average {os.getloadavg()[0]:.1f}", flush=True)


def measure_saturation(label: str, requests: list[bytes], n_connections: int) -> None:
    """Print how many requests a second are answered at most."""
    asyncio.run(Load().saturate(requests[:200], n_connections))
    load, begin = Load(), time.perf_counter()
    asyncio.run(load.saturate(requests, n_connections))
    rate = len(requests) / (time.perf_counter() - begin)
    print(f"{label:44} {rate:,.0f} a second   {load}; load average {os.getloadavg()[0]:.1f}", flush=True)


def main() -> None:
    """Run all measurements, and print a line for each."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--rate", type=float, default=200)
    options.add_argument(
        "--visits", type=float, default=200, help="rate of the requests that read and write ratings"
    )
    options.add_argument("--seconds", type=float, default=30)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--postgres", metavar="URL")
    options.add_argument(
        "--connections",
        type=int,
        default=16,
        help="that send as fast as they are answered, to find the limit",
    )
    options.add_argument("--model", choices=MODELS, default="recommender")
    given = options.parse_args()
    n = int(given.rate * given.seconds)
    print(f"{given.rate:g} requests a second, {given.workers} workers, {given.model}, {N_FILMS:,} films")
    with tempfile.TemporaryDirectory() as name:
        model = Path(name) / "model.safetensors"
        write_model(model, given.model)
        for kind, database in (("SQLite", ""), ("PostgreSQL", given.postgres)):
            if database is None:
                continue
            with Server(Path(name), model, database, given.workers):
                measure(f"{kind}: for posted ratings", posted(n, n_reasons=0), given.rate)
                measure(f"{kind}: the same with two reasons each", posted(n, n_reasons=2), given.rate)
                label = f"{kind}: by {given.connections} connections, at most"
                measure_saturation(label, posted(3 * n, n_reasons=0), given.connections)
                run = f"{time.time():.0f}"
                tokens = [make_token(f"visitor {run} {number}") for number in range(8)]
                asked = visits(int(given.visits * given.seconds), tokens)
                measure(f"{kind}: rate, be recommended, {given.visits:g}/s", asked, given.visits)


if __name__ == "__main__":
    sys.exit(main())  # type: ignore[func-returns-value]
