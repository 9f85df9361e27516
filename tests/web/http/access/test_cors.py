"""Pages of the origins that MLXQ_CORS_ORIGINS lists may call this server and read its answers; others may not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from mlxq.catalogue import Catalogue
from mlxq.settings import Settings
from tasks.redis.store import JobStore
from tests.support.servers import fake
from tests.web.bodies import CHAT, chat
from web.application import create_app

PAGE, OTHER = "https://chat.example.com", "https://evil.example"
ASKS = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, content-type"}


def client_of(settings: Settings, **env: str) -> Iterator[FlaskClient]:
    told = Settings.from_env(env)
    keyed = Settings(
        **{**vars(settings), "cors_origins": told.cors_origins, "api_keys": ("key",), "allowed_hosts": ("*",)}
    )
    app = create_app(keyed, Catalogue.parse({"models": [fake()]}, "test"))
    yield app.test_client()
    app.extensions["mlxq"].followers.close()


@pytest.fixture
def client(settings: Settings, store: JobStore) -> Iterator[FlaskClient]:
    yield from client_of(settings, MLXQ_CORS_ORIGINS="https://chat.example.com, https://*.lan")


@pytest.fixture
def closed(settings: Settings, store: JobStore) -> Iterator[FlaskClient]:
    yield from client_of(settings)


@pytest.mark.parametrize("origin", [PAGE, "https://mac.lan"])
@pytest.mark.parametrize("path", [CHAT, "/v1/models", "/v1/jobs/job_1"])
def test_a_browser_that_asks_beforehand_is_answered_without_a_key(client: FlaskClient, origin: str, path: str) -> None:
    answer = client.options(path, headers={"Origin": origin, **ASKS})
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == origin and "Origin" in answer.headers["Vary"]
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Allow-Headers"] == "authorization, content-type"


def test_an_answer_may_be_read_and_so_may_its_headers(client: FlaskClient) -> None:
    told = {"Origin": PAGE, "Authorization": "Bearer key"}
    for answer in (
        client.get("/v1/models", headers=told),
        client.get("/v1/models", headers={"Origin": PAGE}),
        client.post(CHAT, json=chat(chat_id="x"), headers={**told, "Prefer": "respond-async"}),
    ):
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE
        assert "X-Job-ID" in answer.headers["Access-Control-Expose-Headers"]
    assert answer.status_code == 202


def test_others_get_nothing(client: FlaskClient) -> None:
    asked = client.options(CHAT, headers={"Origin": OTHER, **ASKS})
    read = client.get("/v1/models", headers={"Origin": OTHER, "Authorization": "Bearer key"})
    wrote = client.post(CHAT, json=chat(), headers={"Origin": OTHER, "Authorization": "Bearer key"})
    assert wrote.status_code == 403
    assert not any("Access-Control-Allow-Origin" in answer.headers for answer in (asked, read, wrote))
    assert "Origin" in read.headers["Vary"]  # what a cache keeps is for one origin


def test_it_is_off_by_default(closed: FlaskClient) -> None:
    answers = (
        closed.options(CHAT, headers={"Origin": PAGE, **ASKS}),
        closed.get("/v1/models", headers={"Origin": PAGE, "Authorization": "Bearer key"}),
    )
    assert not any(name.startswith("Access-Control") for answer in answers for name in answer.headers.keys())  # noqa: SIM118
    wrote = closed.post(CHAT, json=chat(), headers={"Origin": PAGE, "Authorization": "Bearer key"})
    assert wrote.status_code == 403
