"""The client of the benchmarks, against servers that frame their answers in every way that ours and others do."""

from __future__ import annotations

import asyncio
import itertools
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from bench import client

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
WORDS = [
    b'data: {"choices": [{"delta": {"content": "one "}}]}\n\n',
    b'data: {"choices": [{"delta": {"content": "two"}}]}\n\n',
]
ROLE = b'data: {"choices": [{"delta": {"role": "assistant"}}]}\n\n'
USAGE = b'data: {"choices": [], "usage": {"completion_tokens": 7}}\n\n'
DONE = b"data: [DONE]\n\n"


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


@contextmanager
def serving(connections: Sequence[Sequence[bytes]]) -> Iterator[str]:
    """A server that says these things, one a request, on one connection after the other, and then hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            for answers in connections:
                with listener.accept()[0] as peer, peer.makefile("rb") as reader:
                    for answer in answers:
                        length = 0
                        while (line := reader.readline()) not in (b"\r\n", b""):
                            if line.lower().startswith(b"content-length:"):
                                length = int(line.split(b":")[1])
                        reader.read(length)
                        peer.sendall(answer)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(10)


def test_a_stream_in_chunks_leaves_the_connection_for_the_next_one() -> None:
    answer = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    answer += b"".join(map(chunk, [ROLE, *WORDS, USAGE + DONE])) + chunk(b"")

    async def twice(url: str) -> list[client.Heard]:
        connection = client.Connection(url)
        try:
            return [await connection.stream("/", {}), await connection.stream("/", {})]
        finally:
            connection.close()

    with serving([[answer, answer]]) as url:
        heard = asyncio.run(twice(url))
    for one in heard:
        assert [text for _, text in one.pieces] == ["one ", "two"]
        assert (one.status, one.tokens, one.whole) == (200, 7, True)
        assert one.first > 0
        assert len(one.gaps) == 1


def test_a_stream_that_ends_with_its_connection_is_whole_if_it_said_so() -> None:
    head = HEAD.replace(b"1.1", b"1.0") + b"\r\n"
    with serving([[head + b"".join(WORDS) + DONE], [head + b"".join(WORDS)]]) as url:
        whole, broken = client.streams(url, [{}])[0], client.streams(url, [{}])[0]
    assert (whole.whole, whole.tokens) == (True, 2)
    assert (broken.whole, broken.tokens) == (False, 2)


def test_a_refusal_is_no_stream() -> None:
    with serving([[b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 2\r\n\r\n{}"]]) as url:
        (heard,) = client.streams(url, [{}])
    assert (heard.status, heard.whole, heard.pieces) == (429, False, [])


def test_who_is_hung_up_on_before_an_answer_asks_again() -> None:
    with serving([[b""], [HEAD + b"\r\n" + b"".join(WORDS) + DONE]]) as url:
        (heard,) = client.streams(url, [{}])
    assert heard.whole


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" + b'{"a": 10}',
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b'{"a":') + chunk(b" 10}") + chunk(b""),
        b"HTTP/1.0 200 OK\r\n\r\n" + b'{"a": 10}',
    ],
)
def test_a_body_is_read_however_it_is_framed(answer: bytes) -> None:
    with serving([[answer]]) as url:
        assert client.together([lambda: client.Connection(url).call("/", {})]) == [{"a": 10}]


def test_calls_are_timed_one_after_the_other_on_one_connection() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    with serving([[answer] * 3]) as url:
        assert len(client.calls(url, "/", [[{}] * 3], 60.0)) == 3


def test_who_has_asked_for_long_enough_asks_no_more() -> None:
    assert client.calls("http://127.0.0.1:9", "/", [itertools.repeat({})], -1.0) == []


def test_a_call_that_is_refused_raises() -> None:
    with (
        serving([[b"HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\n{}"]]) as url,
        pytest.raises(ConnectionError, match="503"),
    ):
        client.calls(url, "/", [[{}]], 60.0)
