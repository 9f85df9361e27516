"""With keys every call needs one, and sees what that key made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from mlxq.catalogue import Catalogue
from mlxq.settings import Settings, SettingsError
from tasks.store import JobStore
from tests.servers import fake
from web.application import create_app

BODY = {"url": "/v1/embeddings", "body": {"model": "fake", "input": "text"}}


@pytest.fixture
def client(settings: Settings, store: JobStore) -> Iterator[FlaskClient]:
    keyed = Settings(**{**vars(settings), "api_keys": ("alpha", "beta")})
    app = create_app(keyed, Catalogue.parse({"models": [fake()]}, "test"))
    yield app.test_client()
    app.extensions["mlxq"].follower.close()


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize("headers", [{}, bearer("wrong"), bearer(""), {"Authorization": "Basic alpha"}])
def test_without_a_key_of_ours_nothing_answers(client: FlaskClient, headers: dict[str, str]) -> None:
    response = client.get("/v1/models", headers=headers)
    assert response.status_code == 401 and response.headers["WWW-Authenticate"] == "Bearer"
    assert response.json["error"]["code"] == "invalid_api_key"
    assert client.get("/health", headers=headers).status_code == 200


def test_each_key_sees_its_own_jobs_only(client: FlaskClient) -> None:
    made = client.post("/v1/jobs", json=BODY, headers={**bearer("alpha"), "Idempotency-Key": "k"})
    job = made.json["id"]
    assert client.get(f"/v1/jobs/{job}", headers=bearer("alpha")).status_code == 200
    assert [one["id"] for one in client.get("/v1/jobs", headers=bearer("alpha")).json["data"]] == [job]
    assert client.get("/v1/jobs", headers=bearer("beta")).json["data"] == []
    other = [
        client.get(f"/v1/jobs/{job}", headers=bearer("beta")),
        client.get(f"/v1/jobs/{job}/result", headers=bearer("beta")),
        client.get(f"/v1/jobs/{job}/events", headers=bearer("beta")),
        client.post(f"/v1/jobs/{job}/cancel", headers=bearer("beta")),
        client.delete(f"/v1/jobs/{job}", headers=bearer("beta")),
    ]
    assert {response.status_code for response in other} == {404}
    same_key = client.post("/v1/jobs", json=BODY, headers={**bearer("beta"), "Idempotency-Key": "k"})
    assert same_key.json["id"] != job


def test_listening_beyond_this_machine_needs_keys_or_a_word(tmp_path: Path) -> None:
    for settings in (
        Settings(host="127.0.0.1"),
        Settings(host="::1"),
        Settings(host="localhost"),
        Settings(host="0.0.0.0", api_keys=("k",)),  # noqa: S104
        Settings(host="0.0.0.0", allow_unauthenticated=True),  # noqa: S104
    ):
        settings.check_exposure()
    for host in ("0.0.0.0", "::", "192.168.1.5", "example.org"):  # noqa: S104
        with pytest.raises(SettingsError, match="MLXQ_API_KEYS"):
            Settings(host=host).check_exposure()
