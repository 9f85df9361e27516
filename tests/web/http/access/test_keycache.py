"""What one web process knows of stored keys, also while Redis is away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from mlxq.catalogue import Catalogue
from mlxq.settings import Settings
from tasks.access.api_keys import ApiKey, KeyRing, Status
from tasks.redis import store as stores
from tasks.values.errors import QueueUnavailable
from tests.support.servers import Valkey, fake
from web.application import create_app
from web.http.access import keycache
from web.http.access.keycache import KeyCache
from web.http.errors import Unauthenticated

NOWHERE = "/v1/nowhere"  # needs a key and nothing else


class Counting(KeyRing):
    """A ring that counts how often it is asked."""

    asked = 0

    def use(self, secret: str) -> tuple[ApiKey, Status] | None:
        type(self).asked += 1
        return super().use(secret)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Valkey]:
    found = Valkey(tmp_path)
    yield found
    found.stop()


@pytest.fixture
def ring(server: Valkey, tmp_path: Path) -> Iterator[KeyRing]:
    store = stores.connect(Settings(redis_url=server.url(), namespace="test", home=tmp_path))
    yield Counting(store)
    store.redis.close()


@pytest.fixture
def web(ring: KeyRing) -> Iterator[FlaskClient]:
    app = create_app(ring.store.settings, Catalogue.parse({"models": [fake()]}, "test"))
    yield app.test_client()
    app.extensions["mlxq"].followers.close()


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def test_redis_is_asked_once_in_a_while(ring: KeyRing) -> None:
    _, secret = ring.create("alice")
    cache, before = KeyCache(ring), Counting.asked
    assert len({cache.find(secret).id for _ in range(50)}) == 1
    assert Counting.asked == before + 1


def test_a_revoked_key_is_told_from_one_that_never_was(ring: KeyRing, monkeypatch: pytest.MonkeyPatch) -> None:
    key, secret = ring.create("alice")
    cache = KeyCache(ring)
    assert cache.find(secret) == key
    ring.revoke(key.id)
    monkeypatch.setattr(keycache, "FRESH", 0.0)
    with pytest.raises(Unauthenticated, match="was revoked"):
        cache.find(secret)
    with pytest.raises(Unauthenticated, match="not known"):
        cache.find("sk-mlxq-other")


def test_without_redis_a_known_key_goes_on_for_a_while_and_nobody_is_called_unknown(
    ring: KeyRing, server: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, secret = ring.create("alice")
    cache = KeyCache(ring)
    assert cache.find(secret) == key
    server.kill()
    monkeypatch.setattr(keycache, "FRESH", 0.0)
    assert cache.find(secret) == key
    with pytest.raises(QueueUnavailable):
        cache.find("sk-mlxq-other")
    monkeypatch.setattr(keycache, "STALE", 0.0)
    with pytest.raises(QueueUnavailable):
        cache.find(secret)


def test_the_first_stored_key_closes_the_api_for_good(
    web: FlaskClient, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert web.get(NOWHERE).status_code == 404
    monkeypatch.setattr(keycache, "FRESH", 0.0)
    key, secret = ring.create("alice")
    assert web.get(NOWHERE).status_code == 401
    assert web.get(NOWHERE, headers=bearer(secret)).status_code == 404
    ring.revoke(key.id)
    assert web.get(NOWHERE).status_code == 401  # taking the last key away opens nothing


def test_an_outage_is_no_reason_to_call_a_key_invalid(web: FlaskClient, ring: KeyRing, server: Valkey) -> None:
    _, secret = ring.create("alice")
    assert web.get(NOWHERE, headers=bearer(secret)).status_code == 404
    server.kill()
    assert web.get(NOWHERE, headers=bearer(secret)).status_code == 404
    unknown = web.get(NOWHERE, headers=bearer("sk-mlxq-other"))
    assert (unknown.status_code, unknown.json["error"]["code"]) == (503, "queue_unavailable")
    assert unknown.headers["Retry-After"]


def test_without_an_admin_key_nobody_makes_keys(web: FlaskClient) -> None:
    refused = web.post("/v1/admin/keys", json={"label": "mine"})
    assert (refused.status_code, refused.json["error"]["code"]) == (403, "admin_key_required")
    assert "MLXQ_ADMIN_KEY" in refused.json["error"]["message"]
