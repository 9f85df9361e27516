"""Nobody keeps the server from others: not who says nothing, not who says little at a time, not who does not listen."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest
from websockets.sync.client import connect

from tests.support.servers import Valkey, eventually
from tests.web import alone
from tests.web.alone import Web, answers, heard

PATIENCE = 2.0  # seconds
CHAT_HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
LAST = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def web(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    small = {"MLXQ_WEB_THREADS": "8", "MLXQ_CLIENT_TIMEOUT": str(PATIENCE)}
    yield from alone.running(Web(valkey, tmp_path_factory.mktemp("web"), files=4096, **small))


@pytest.fixture(scope="module")
def narrow(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """One with as many files as macOS gives a shell, and no more to be had."""
    yield from alone.running(Web(valkey, tmp_path_factory.mktemp("narrow"), files=256))


def serves(web: Web) -> None:
    with httpx.Client(base_url=web.url, timeout=30) as client:
        for path in ("/health", "/v1/models"):
            assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"G",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        CHAT_HEAD + b"Content-Length: 1000\r\n\r\n{",
    ],
)
def test_who_does_not_finish_asking_takes_nothing_from_others(web: Web, said: bytes) -> None:
    with web.many(60, said):
        serves(web)


@pytest.mark.parametrize("said", [b"GET /health HTTP/1.1\r\nX-Slow: ", CHAT_HEAD + b"Content-Length: 1000\r\n\r\n{"])
def test_a_request_that_does_not_come_in_time_is_a_408(web: Web, said: bytes) -> None:
    ((status, headers, body),) = answers(web.say(said))
    assert (status, body["error"]["code"], headers["connection"]) == (408, "request_timeout", "close")


def test_a_large_body_that_does_not_move_is_a_408_too(web: Web) -> None:
    ((status, headers, body),) = answers(web.say(CHAT_HEAD + b"Content-Length: 10000000\r\n\r\n{"))
    assert (status, body["error"]["code"], headers["connection"]) == (408, "request_timeout", "close")


def test_large_bodies_that_do_not_move_leave_room_for_small_ones(web: Web) -> None:
    with web.many(20, CHAT_HEAD + b"Content-Length: 10000000\r\n\r\n{") as found:
        serves(web)
        assert httpx.post(web.url + "/v1/chat/completions", json={}, timeout=30).json()["error"]["param"] == "model"
        told = [answers(heard(connection))[0] for connection in found]
    assert {status for status, _, _ in told} == {408, 429}
    (refused,) = {body["error"]["message"] for status, _, body in told if status == 429}
    assert "MLXQ_WEB_THREADS" in refused
    assert all(int(headers["retry-after"]) > 0 for status, headers, _ in told if status == 429)


def test_who_comes_when_there_is_no_room_gets_that_of_who_waited_longest(narrow: Web) -> None:
    with narrow.many(200) as idle:
        serves(narrow)
        idle[0].settimeout(30)
        assert idle[0].recv(1) == b"" and idle[1].recv(1) == b""  # the first ones are closed
        idle[-1].sendall(LAST)
        assert answers(heard(idle[-1]))[0][0] == 200


def test_when_files_run_out_nothing_fails_of_itself(narrow: Web) -> None:
    job = narrow.waiting_job()
    asking = b"GET /v1/jobs/" + job.encode() + b"/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with narrow.many(200, asking) as found:
        seen = [int(connection.recv(65536).split()[1]) for connection in found]
    assert set(seen) <= {200, 429, 503} and seen.count(200) > 50
    eventually(lambda: httpx.get(f"{narrow.url}/v1/jobs/{job}", timeout=30).status_code == 200)


def test_calls_beyond_the_limit_are_told_so_at_once_and_short_ones_are_answered(web: Web) -> None:
    job = web.waiting_job()
    asking = b"GET /v1/jobs/" + job.encode() + b"/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with web.many(8, asking) as following:
        for connection in following:
            assert connection.recv(12) == b"HTTP/1.1 200"
        refused = httpx.get(f"{web.url}/v1/jobs/{job}/events", timeout=30)
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_calls")
        assert "MLXQ_WEB_THREADS" in refused.json()["error"]["message"] and int(refused.headers["Retry-After"]) > 0
        serves(web)
        assert httpx.get(f"{web.url}/v1/jobs/{job}", timeout=30).json()["status"] == "queued"
        following[0].close()
        eventually(lambda: followed(web, job) == 200)


def followed(web: Web, job: str) -> int:
    with closing(web.connect()) as connection:
        connection.sendall(f"GET /v1/jobs/{job}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        return int(connection.recv(12).split()[1])


def deaf(web: Web, request: bytes) -> socket.socket:
    """A client that asks, finds out that it is answered, and reads no further."""

    def asks() -> socket.socket | None:
        connection = socket.socket()
        connection.settimeout(20)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", web.port))
        connection.sendall(request)
        if connection.recv(12) == b"HTTP/1.1 200":
            return connection
        connection.close()  # those of the test before are not gone yet
        return None

    found: socket.socket = eventually(asks)
    return found


def test_who_does_not_read_makes_room_and_is_let_go(web: Web) -> None:
    job = web.waiting_job(events=250)
    asking = b"GET /v1/jobs/" + job.encode() + b"/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    clients = [deaf(web, asking) for _ in range(8)]
    try:
        eventually(lambda: followed(web, web.waiting_job()) == 200)
        eventually(lambda: len(web.process.log("a client that read nothing")) == 8)  # made room, or was let go
    finally:
        for client in clients:
            client.close()


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        (b"nonsense\r\n\r\n", 400, "invalid_request"),
        (b"GET /health HTTP/1.1\nHost: localhost\n\n", 400, "invalid_request"),
        (b"GET /health HTTP/3.0\r\nHost: localhost\r\n\r\n", 400, "invalid_request"),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414, "uri_too_long"),
        (b"GET /health HTTP/1.1\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 431, "headers_too_large"),
        (b"GET /health HTTP/1.1\r\n" + b"X: a\r\n" * 20_000, 431, "headers_too_large"),
        (CHAT_HEAD + b"Content-Length: -1\r\n\r\n", 400, "invalid_request"),
        (CHAT_HEAD + b"Transfer-Encoding: zip\r\n\r\n", 400, "invalid_request"),
        (CHAT_HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "invalid_request"),
        (CHAT_HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}0\r\n\r\n", 400, "invalid_request"),
        (CHAT_HEAD + b"Expect: miracles\r\nContent-Length: 2\r\n\r\n{}", 400, "invalid_request"),
    ],
)
def test_what_is_not_http_is_refused_in_the_envelope(web: Web, said: bytes, status: int, code: str) -> None:
    ((answered, headers, body),) = answers(web.say(said))
    assert (answered, body["error"]["code"], headers["connection"]) == (status, code, "close")
    assert headers["content-type"] == "application/json"


def test_requests_may_follow_each_other_without_waiting(web: Web) -> None:
    found = answers(web.say(LAST.replace(b"Connection: close\r\n", b"") * 5 + LAST))
    assert [status for status, _, _ in found] == [200] * 6


@pytest.mark.parametrize("size", [10, 70_000, 250_000])
def test_an_unread_body_does_not_cost_the_next_request_its_answer(web: Web, size: int) -> None:
    refused = b"POST /v1/nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size
    found = answers(web.say(refused + LAST))
    assert [(status, headers["connection"]) for status, headers, _ in found] == [(404, "keep-alive"), (200, "close")]


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 20000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\nf00000\r\n"]
)
def test_a_long_unread_body_ends_the_connection_and_the_answer_arrives(web: Web, framing: bytes) -> None:
    refused = b"POST /v1/nowhere HTTP/1.1\r\nHost: localhost\r\n" + framing + b"x" * 0xF00000
    ((status, headers, _),) = answers(web.say(refused))
    assert (status, headers["connection"]) == (404, "close")


def test_who_asks_whether_to_send_a_body_is_told_to(web: Web) -> None:
    with closing(web.connect()) as connection:
        connection.sendall(CHAT_HEAD + b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        connection.sendall(b"{}")
        assert answers(heard(connection))[0][2]["error"]["param"] == "model"


def test_a_header_of_proxies_means_nothing_from_others(web: Web) -> None:
    assert answers(web.say(LAST.replace(b"Host", b"SCRIPT_NAME: /x\r\nHost")))[0][0] == 200


def test_a_header_of_proxies_is_believed_of_those_that_are_named(
    valkey: Valkey, tmp_path_factory: pytest.TempPathFactory
) -> None:
    named = Web(valkey, tmp_path_factory.mktemp("named"), MLXQ_TRUSTED_PROXIES="127.0.0.0/8")
    for web in alone.running(named):
        said = LAST.replace(b"Host", b"SCRIPT_NAME: /x\r\nHost")
        assert answers(web.say(said.replace(b"/health", b"/x/health")))[0][0] == 200
        assert answers(web.say(said))[0][0] == 400


def test_websockets_come_and_go_and_leave_the_server_as_it_was(web: Web) -> None:
    for _ in range(30):  # each takes the number of the socket before it
        with connect(f"ws://127.0.0.1:{web.port}/v1/jobs/stream") as ws:
            ws.send('{"type": "ping"}')
            assert ws.recv(timeout=60) == '{"type":"pong"}'
        serves(web)
