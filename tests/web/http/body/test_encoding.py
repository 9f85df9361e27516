"""A body may come compressed, with a byte order mark, to a path with a slash too many; it is what it would be plain."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from functools import partial

import pytest
from flask.testing import FlaskClient

from mlxq.catalogue import Catalogue
from mlxq.settings import Settings
from tasks.redis.store import JobStore
from tests.support.servers import fake
from tests.web.bodies import CHAT, chat
from web.application import create_app

MOST = 100_000
BODY = json.dumps(chat()).encode()
packed = partial(gzip.compress, mtime=0)  # a time in it would be one of its test's name, another in each process
HEADERS = {"Prefer": "respond-async", "Content-Type": "application/json"}


@pytest.fixture
def client(settings: Settings, store: JobStore) -> Iterator[FlaskClient]:
    app = create_app(
        Settings(**{**vars(settings), "max_body_bytes": MOST}), Catalogue.parse({"models": [fake()]}, "test")
    )
    yield app.test_client()
    app.extensions["mlxq"].followers.close()


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("gzip", packed(BODY)),
        ("GZIP", packed(BODY)),
        ("x-gzip", packed(BODY)),
        ("deflate", zlib.compress(BODY)),
        ("identity", BODY),
        ("", BODY),
        ("gzip", packed(b"\xef\xbb\xbf" + BODY)),
        ("identity", b"\xef\xbb\xbf" + BODY),
    ],
)
def test_what_a_body_may_be_in(client: FlaskClient, encoding: str, data: bytes) -> None:
    answer = client.post(CHAT, data=data, headers={**HEADERS, "Content-Encoding": encoding})
    assert answer.status_code == 202, answer.text


@pytest.mark.parametrize(
    ("encoding", "data", "status", "code"),
    [
        ("br", BODY, 415, "unsupported_media_type"),
        ("zstd", BODY, 415, "unsupported_media_type"),
        ("gzip, gzip", packed(packed(BODY)), 415, "unsupported_media_type"),
        ("gzip", BODY, 415, "unsupported_media_type"),
        ("gzip", packed(BODY)[:-9], 415, "unsupported_media_type"),
        ("gzip", b"", 415, "unsupported_media_type"),
        ("gzip", packed(b" " * MOST + BODY), 413, "request_too_large"),
        ("gzip", packed(b" " * 50 * MOST + BODY), 413, "request_too_large"),
        ("gzip", packed(b"[]"), 400, "invalid_json"),
    ],
)
def test_what_it_may_not_be_in(client: FlaskClient, encoding: str, data: bytes, status: int, code: str) -> None:
    answer = client.post(CHAT, data=data, headers={**HEADERS, "Content-Encoding": encoding})
    assert (answer.status_code, answer.json["error"]["code"]) == (status, code)


def test_a_form_comes_plain(client: FlaskClient) -> None:
    headers = {"Content-Encoding": "gzip", "Content-Type": "multipart/form-data; boundary=x"}
    answer = client.post("/v1/files", data=packed(b"--x--\r\n"), headers=headers)
    assert (answer.status_code, answer.json["error"]["param"]) == (415, "Content-Encoding")


@pytest.mark.parametrize("path", ["/v1//models", "//v1/models", "/v1///models/fake"])
def test_a_slash_too_many_is_none(client: FlaskClient, path: str) -> None:
    assert client.get("/", environ_overrides={"PATH_INFO": path}).status_code == 200
