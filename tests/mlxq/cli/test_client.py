"""Patience with a server, and none with nonsense."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import click
import pytest

from mlxq.cli.client import Client, ServerError

REFUSAL = {"error": {"message": "the queue is full", "type": "rate_limit_error", "param": None, "code": "queue_full"}}


class Scripted(HTTPServer):
    """A server whose answers a test writes down: status, headers and body, the last one again and again."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], Any]] = []
        self.asked: list[tuple[str, str]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Scripted)
        self.server.asked.append((self.path, self.headers.get("Authorization", "")))
        answers = self.server.answers
        status, headers, body = answers.pop(0) if len(answers) > 1 else answers[0]
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        del format, args


@pytest.fixture
def server() -> Iterator[Scripted]:
    server = Scripted()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_passes_is_waited_for_as_long_as_the_server_says(server: Scripted) -> None:
    server.answers = [(429, {"Retry-After": "1"}, REFUSAL), (503, {}, ""), (200, {}, {"id": "job_1"})]
    began = time.monotonic()
    assert Client(server.url, None).get("/v1/jobs/job_1") == {"id": "job_1"}
    assert time.monotonic() - began >= 1
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("status", "headers"), [(429, {"Retry-After": "60"}), (503, {"x-should-retry": "false"}), (400, {}), (500, {})]
)
def test_what_does_not_pass_is_an_error_at_once(status: int, headers: dict[str, str], server: Scripted) -> None:
    server.answers = [(status, headers, REFUSAL)]
    with pytest.raises(ServerError) as error:
        Client(server.url, None).get("/v1/jobs")
    assert error.value.message == f"the server answers {status}: the queue is full (queue_full)"
    assert (error.value.exit_code, len(server.asked)) == (3, 1)


def test_a_server_of_another_kind_is_told(server: Scripted) -> None:
    server.answers = [(200, {}, "<html>")]
    with pytest.raises(ServerError, match="does not speak this API"):
        Client(server.url, None).get("/v1/jobs")
    server.answers = [(404, {}, "<html>")]
    with pytest.raises(ServerError, match="404"):
        Client(server.url, None).get("/v1/jobs")


def test_a_refused_download_leaves_what_was_there(server: Scripted, tmp_path: Path) -> None:
    target = tmp_path / "answers.jsonl"
    target.write_text("of before")
    server.answers = [(404, {}, REFUSAL)]
    with pytest.raises(ServerError, match="queue_full"):
        Client(server.url, None).download("/v1/files/x/content", target)
    assert target.read_text() == "of before"
    server.answers = [(503, {}, ""), (200, {}, "new")]
    Client(server.url, None).download("/v1/files/x/content", target)
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_pages_are_turned(server: Scripted) -> None:
    pages: list[Any] = [{"data": [{"id": "a"}], "has_more": True}, {"data": [{"id": "b"}], "has_more": False}]
    server.answers = [(200, {}, page) for page in pages]
    client = Client(f"{server.url}/v1/", "secret")
    assert [one["id"] for one in client.pages("/v1/jobs", limit=1, model=None)] == ["a", "b"]
    assert server.asked == [("/v1/jobs?limit=1", "Bearer secret"), ("/v1/jobs?after=a&limit=1", "Bearer secret")]


def test_the_only_model_need_not_be_named(server: Scripted) -> None:
    models = [{"id": "one", "endpoints": ["/v1/a", "/v1/b"]}, {"id": "two", "endpoints": ["/v1/b"]}]
    server.answers = [(200, {}, {"data": models})]
    client = Client(server.url, None)
    assert client.model("/v1/a") == "one"
    with pytest.raises(click.UsageError, match="--model; /v1/b is served by one, two"):
        client.model("/v1/b")
    with pytest.raises(click.UsageError, match="no model serves /v1/c"):
        client.model("/v1/c")
