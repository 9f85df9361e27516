"""The document and its page need no key and no network, and the page may do no more than it needs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support import documented
from tests.support.servers import PATIENCE, Valkey
from tests.web.alone import Web, running
from web.api.server.docs import FILES, POLICY

SECRET = "sk-of-the-operator"


@pytest.fixture(scope="module")
def web(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    folder: Path = tmp_path_factory.mktemp("docs")
    yield from running(Web(valkey, folder, MLXQ_API_KEYS=SECRET))


@pytest.fixture
def http(web: Web) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=web.url, timeout=PATIENCE) as client:
        yield client


def test_the_document_is_told_without_a_key_and_tells_none(http: httpx.Client) -> None:
    assert http.get("/v1/models").status_code == 401
    answer = http.get("/openapi.json")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == documented.whole() and SECRET not in answer.text
    assert "draws" not in json.dumps(answer.json()["paths"]), "which models there are is for those with a key"


def test_all_that_the_page_loads_is_here(http: httpx.Client) -> None:
    page = http.get("/docs")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    needed = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert {path.removeprefix("/docs/") for path in needed} == FILES | {"start.js"}
    for path in needed:
        answer = http.get(path)
        assert answer.status_code == 200 and len(answer.content) > 200
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        kind = {"js": "text/javascript", "css": "text/css", "png": "image/png"}[path.rpartition(".")[2]]
        assert answer.headers["Content-Type"].startswith(kind)
    assert '"/openapi.json"' in http.get("/docs/start.js").text


def test_the_page_may_run_and_reach_nothing_but_this_server(http: httpx.Client) -> None:
    page = http.get("/docs")
    assert page.headers["Content-Security-Policy"] == POLICY
    assert "default-src 'none'" in POLICY and "script-src 'self';" in POLICY and "frame-ancestors 'none'" in POLICY
    assert "<script>" not in page.text and "http" not in page.text


@pytest.mark.parametrize("name", ["swagger-ui.js", "LICENSE", "..%2f__init__.py", "%2e%2e%2fflask_swagger_ui.py", "x"])
def test_no_other_file_is_there(http: httpx.Client, name: str) -> None:
    answer = http.get(f"/docs/{name}")
    assert (answer.status_code, answer.json()["error"]["code"]) in ((404, "unknown_url"), (401, "invalid_api_key"))


def test_the_page_is_kept_from_other_names(http: httpx.Client) -> None:
    for path in ("/docs", "/openapi.json"):
        answer = http.get(path, headers={"Host": "elsewhere.example"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "host_not_allowed")


def test_a_file_that_is_known_is_not_sent_again(http: httpx.Client) -> None:
    tag = http.get("/docs/swagger-ui-bundle.js").headers["ETag"]
    assert http.get("/docs/swagger-ui-bundle.js", headers={"If-None-Match": tag}).status_code == 304
