"""Media that a body names by its address is fetched once, within bounds, and never from the server's own network."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from mlxq.catalogue import Catalogue
from mlxq.settings import Settings
from tasks.redis.store import JobStore
from tests.support import sites
from tests.support.sites import Site
from web.application import create_app

EAR = {"model_path": "none", "served_model_name": "ear", "model_type": "whisper"}


@pytest.fixture
def site() -> Iterator[Site]:
    yield from sites.running()


@pytest.fixture
def client(settings: Settings, store: JobStore) -> Iterator[Callable[..., FlaskClient]]:
    with ExitStack() as stack:

        def made(**more: Any) -> FlaskClient:
            given = {**vars(settings), "media_allow_private": True, **more}
            app = create_app(Settings(**given), Catalogue.parse({"models": [EAR]}, "test"))
            stack.callback(app.extensions["mlxq"].followers.close)
            return app.test_client()

        yield made


def post(client: FlaskClient, address: str, **headers: str) -> TestResponse:
    body = {"url": "/v1/audio/transcriptions", "body": {"model": "ear", "file": address}}
    return client.post("/v1/jobs", json=body, headers=headers)


def test_what_is_there_is_the_job_s_input(client: Callable[..., FlaskClient], site: Site, store: JobStore) -> None:
    answer = post(client(), f"{site.url}/a.wav")
    assert answer.status_code == 202 and answer.json is not None
    (held,) = store.get(answer.json["id"], "anonymous").job.inputs
    assert (held.sha256, held.size, held.type) == (hashlib.sha256(b"RIFF").hexdigest(), 4, "audio/wav")
    assert store.blobs.read(held) == b"RIFF"


def test_the_same_address_is_the_same_call_whatever_is_there_by_now(
    client: Callable[..., FlaskClient], site: Site
) -> None:
    asking = client()
    first = post(asking, f"{site.url}/a.wav", Idempotency_Key="k")
    site.content["/a.wav"] = b"another"
    again = post(asking, f"{site.url}/a.wav", Idempotency_Key="k")
    assert first.json is not None and again.json is not None and first.json["id"] == again.json["id"]
    assert post(asking, f"{site.url}/a.wav?2", Idempotency_Key="k").status_code == 422


@pytest.mark.parametrize(
    ("settings_", "address", "status", "code"),
    [
        ({}, "{site}/none.wav", 400, "fetch_failed"),
        ({"max_upload_bytes": 3}, "{site}/a.wav", 413, "request_too_large"),
        ({"media_allow_private": False}, "{site}/a.wav", 400, "invalid_value"),
        ({"media_allow_private": False}, "HTTP://localhost:1/a.wav", 400, "invalid_value"),
        ({}, "http://me:secret@a.example/a.wav", 400, "invalid_value"),
    ],
)
def test_what_cannot_be_fetched_is_a_refusal_that_names_the_field(
    settings_: dict[str, Any],
    address: str,
    status: int,
    code: str,
    client: Callable[..., FlaskClient],
    site: Site,
    settings: Settings,
) -> None:
    answer = post(client(**settings_), address.format(site=site.url))
    assert answer.json is not None and answer.status_code == status
    assert (answer.json["error"]["code"], answer.json["error"]["param"]) == (code, "body.file")
    assert bool(site.asked) == settings_.get("media_allow_private", "site" in address)
    assert [path for path in (settings.home / "blobs").rglob("*") if path.is_file()] == []
