"""With keys every call needs one, and sees what that key made."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from mlxq.catalogue import Catalogue
from mlxq.settings import Settings, SettingsError
from tasks.redis.store import JobStore
from tasks.values.blob_ref import BlobRef
from tasks.values.errors import NotFound
from tests.support.servers import fake
from web.application import create_app
from web.http.access import signing

BODY = {"url": "/v1/embeddings", "body": {"model": "fake", "input": "text"}}


@pytest.fixture
def client(settings: Settings, store: JobStore) -> Iterator[FlaskClient]:
    keyed = Settings(**{**vars(settings), "api_keys": ("alpha", "beta")})
    app = create_app(keyed, Catalogue.parse({"models": [fake()]}, "test"))
    yield app.test_client()
    app.extensions["mlxq"].followers.close()


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize("headers", [{}, bearer("wrong"), bearer(""), {"Authorization": "Basic alpha"}])
def test_without_a_key_of_ours_nothing_answers(client: FlaskClient, headers: dict[str, str]) -> None:
    response = client.get("/v1/models", headers=headers)
    assert response.status_code == 401 and response.headers["WWW-Authenticate"] == "Bearer"
    assert response.json["error"]["code"] == "invalid_api_key"
    assert client.get("/health", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x-api-key": "alpha"}, 200),
        ({"x-api-key": "wrong"}, 401),
        ({"x-api-key": ""}, 401),
        ({"x-api-key": "beta", **bearer("alpha")}, 200),
        ({"x-api-key": "alpha", **bearer("wrong")}, 401),
        ({"x-api-key": "alpha", **bearer("")}, 200),
        ({"x-api-key": "alpha", "Authorization": "Basic alpha"}, 200),
    ],
)
def test_a_key_may_come_as_anthropic_s_clients_send_it(
    client: FlaskClient, headers: dict[str, str], status: int
) -> None:
    assert client.get("/v1/models", headers=headers).status_code == status


def test_without_a_key_anthropic_s_paths_answer_in_its_envelope(client: FlaskClient) -> None:
    answer = client.post("/v1/messages", json={})
    assert answer.status_code == 401 and answer.json["error"]["type"] == "authentication_error"
    assert (answer.json["type"], answer.json["request_id"]) == ("error", answer.headers["request-id"])


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
        Settings(host="0.0.0.0", admin_key="a" * 16),  # noqa: S104
        Settings(host="0.0.0.0", allow_unauthenticated=True),  # noqa: S104
    ):
        settings.check_exposure()
    for host in ("0.0.0.0", "::", "192.168.1.5", "example.org"):  # noqa: S104
        with pytest.raises(SettingsError, match="MLXQ_API_KEYS, or MLXQ_ADMIN_KEY"):
            Settings(host=host).check_exposure()


def test_a_signed_link_needs_no_key_but_its_signature(client: FlaskClient, store: JobStore, settings: Settings) -> None:
    ref = store.blobs.put(b"a picture", "image/png")
    store.redis.hset(store.keys.blob(ref.sha256), "somebody", 1)
    token = signing.sign(settings, ref, store.now() + 60_000)
    found = client.get(f"/v1/images/content/{token}")
    assert (found.status_code, found.data, found.mimetype) == (200, b"a picture", "image/png")
    assert client.get(f"/v1/images/content/{token}x").status_code == 404
    assert client.get(f"/v1/images/content/{signing.sign(settings, ref, store.now())}").status_code == 404


def test_the_secret_is_made_once_for_its_owner_only(settings: Settings, tmp_path: Path) -> None:
    ref = BlobRef("0" * 64, 1, "image/png")
    token = signing.sign(settings, ref, 2)
    assert signing.read(settings, token, now=1) == ref
    assert stat.S_IMODE((settings.home / "secret").stat().st_mode) == 0o600
    assert [path.name for path in settings.home.iterdir() if "secret" in path.name] == ["secret"]
    other = Settings(home=tmp_path / "other", secret="mine")
    with pytest.raises(NotFound):
        signing.read(other, token, now=1)
    assert signing.read(other, signing.sign(other, ref, 2), now=1) == ref and not (tmp_path / "other").exists()
