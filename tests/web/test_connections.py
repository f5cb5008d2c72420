"""Clients that send or read too slowly, on a real server."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn

from matinee.web import connections
from tests.web.server_process import HANG_SECONDS, free_port

Connect = Callable[[], socket.socket]
ALL = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Reads the whole body, and answers with more than any buffer holds if asked for it."""
    while (message := await receive()).get("more_body"):
        pass
    if message["type"] == "http.disconnect":
        return
    size = 100_000_000 if scope["path"] == "/large" else 2
    headers = [(b"content-length", str(size).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"-" * size})


@pytest.fixture(scope="module")
def server() -> Iterator[uvicorn.Server]:
    """A server that is quick to lose patience."""
    usual = connections.HEADER_SECONDS, connections.BODY_SECONDS, connections.READING_SECONDS
    connections.HEADER_SECONDS = connections.BODY_SECONDS = connections.READING_SECONDS = 0.3
    port = free_port()
    config = uvicorn.Config(
        application, port=port, http=connections.TimedConnection, lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield server
    server.should_exit = True
    thread.join(HANG_SECONDS)
    connections.HEADER_SECONDS, connections.BODY_SECONDS, connections.READING_SECONDS = usual


@pytest.fixture
def connect(server: uvicorn.Server) -> Iterator[Connect]:
    opened: list[socket.socket] = []

    def make() -> socket.socket:
        opened.append(socket.create_connection(("127.0.0.1", server.config.port), HANG_SECONDS))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def read_to_the_end(connection: socket.socket) -> bytes:
    """What the server sends until it closes the connection."""
    parts = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "GET / HT",
        "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ",
        "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf",
    ],
    ids=["nothing", "half a line", "half a header", "half a body"],
)
def test_half_a_request_is_not_waited_for(connect: Connect, sent: str) -> None:
    connection = connect()
    connection.sendall(sent.encode())
    assert read_to_the_end(connection) == b""


@pytest.mark.parametrize("sent", ["\r\n", "GET / HTTP/1.1\r\n"])
def test_neither_is_the_second_request_of_a_connection(connect: Connect, sent: str) -> None:
    connection = connect()
    connection.sendall(ALL.encode())
    assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")
    connection.sendall(sent.encode())
    assert read_to_the_end(connection) in (b"", b"ok", b"--")


def test_a_header_that_trickles_in_is_cut_off(connect: Connect) -> None:
    connection = connect()
    connection.sendall(b"GET / HTTP/1.1\r\n")
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        for _ in range(100_000):
            connection.sendall(b"X-Slow: 1\r\n")
            time.sleep(0.02)


def test_an_answer_that_is_not_read_is_cut_off(server: uvicorn.Server, connect: Connect) -> None:
    connection = connect()
    connection.sendall(ALL.replace("/", "/large", 1).encode())
    assert connection.recv(10).startswith(b"HTTP/1.1")
    while server.server_state.connections:
        time.sleep(0.01)
    assert len(read_to_the_end(connection)) < 100_000_000


def test_whoever_is_quick_may_send_one_request_after_the_other(connect: Connect) -> None:
    connection = connect()
    for _ in range(5):
        connection.sendall(ALL.encode())
        answer = b""
        while not answer.endswith(b"--"):
            answer += connection.recv(1000)
        time.sleep(0.2)  # in all longer than one request may take
