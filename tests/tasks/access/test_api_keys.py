"""A stored key is known by the hash of its secret, until it is revoked or expires."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.access import api_keys
from tasks.access.api_keys import PREFIX, KeyRing, Limits
from tasks.redis.keys import Keys
from tasks.redis.store import JobStore
from tasks.values.errors import NotFound, QueueUnavailable


@pytest.fixture
def ring(store: JobStore) -> KeyRing:
    return KeyRing(store)


def status(ring: KeyRing, secret: str) -> str | None:
    found = ring.use(secret)
    return None if found is None else found[1]


def test_a_key_is_found_by_its_secret_and_by_nothing_else(ring: KeyRing) -> None:
    key, secret = ring.create("alice", limits=Limits(requests_per_minute=60))
    assert ring.use(secret) == (key, "active")
    assert (key.label, key.limits.requests_per_minute, key.limits.unfinished_jobs) == ("alice", 60, None)
    assert [ring.use(wrong) for wrong in ("", secret + "x", secret[:-1], key.id, key.digest)] == [None] * 5


def test_an_id_alone_opens_nothing(ring: KeyRing, store: JobStore) -> None:
    key, secret = ring.create("alice")
    forged = api_keys.encode(key).replace(
        key.digest.encode(), b"0" * 64
    )  # another secret whose hash begins the same way
    store.redis.hset(store.keys.api_key(key.id), "spec", forged)
    assert ring.use(secret) is None


def test_secrets_are_long_and_never_the_same(ring: KeyRing) -> None:
    secrets = {ring.create("x")[1] for _ in range(20)}
    assert len(secrets) == 20 and all(secret.startswith(PREFIX) and len(secret) >= 50 for secret in secrets)


def test_a_revoked_key_stays_revoked_since_the_first_time(ring: KeyRing) -> None:
    key, secret = ring.create("alice")
    first = ring.revoke(key.id)
    assert (first.status, status(ring, secret)) == ("revoked", "revoked")
    assert ring.revoke(key.id) == first
    with pytest.raises(NotFound, match="key_none"):
        ring.revoke("key_none")
    assert ring.any() and [listed.key for listed in ring.list()] == [key]


def test_a_key_expires_by_redis_clock(ring: KeyRing, store: JobStore) -> None:
    key, secret = ring.create("alice", seconds=3600)
    assert key.expires == key.created + 3_600_000 and status(ring, secret) == "active"
    store.redis.hset(store.keys.api_key(key.id), "expires", store.now())
    assert status(ring, secret) == "expired"


def test_the_last_use_is_written_once_in_a_while(ring: KeyRing, store: JobStore) -> None:
    key, secret = ring.create("alice")
    assert ring.get(key.id).used is None
    ring.use(secret)
    first = ring.get(key.id).used
    ring.use(secret)
    assert first is not None and ring.get(key.id).used == first
    store.redis.hset(store.keys.api_key(key.id), "used", first - api_keys.COARSE)
    ring.use(secret)
    assert ring.get(key.id).used != first - api_keys.COARSE


def test_keys_are_listed_newest_first_and_are_none_at_first(ring: KeyRing) -> None:
    assert not ring.any() and ring.list() == ()
    made = [ring.create(label)[0] for label in "abc"]
    assert {listed.key.id for listed in ring.list()} == {key.id for key in made}
    created = [listed.key.created for listed in ring.list()]
    assert created == sorted(created, reverse=True)


def test_every_script_may_run_twice(ring: KeyRing, store: JobStore) -> None:
    key, _ = ring.create("alice", seconds=60)
    record = store.keys.api_key(key.id)
    calls = [
        ("add_key", [record, store.keys.api_keys()], [key.id, api_keys.encode(key), key.created, key.expires]),
        ("use_key", [record], [api_keys.COARSE]),
        ("revoke_key", [record], []),
        ("use_key", [record], [api_keys.COARSE]),
    ]
    for call in calls:
        first, before = store.scripts.run(*call), store.redis.hgetall(record)
        assert (store.scripts.run(*call), store.redis.hgetall(record)) == (first, before)


def test_without_redis_nobody_says_that_a_key_is_wrong(ring: KeyRing, away: JobStore) -> None:
    for ask in (KeyRing(away).any, KeyRing(away).list, lambda: KeyRing(away).use("secret")):
        with pytest.raises(QueueUnavailable):
            ask()


def test_owners_of_keys_are_what_they_always_were() -> None:
    assert api_keys.key_id("alpha") == "key_8ed3f6ad685b959e"
    assert Keys("ns").api_key(api_keys.key_id("alpha")) == "ns:key:key_8ed3f6ad685b959e"


def test_the_fixture_holds_every_field() -> None:
    written = (Path(__file__).parents[1] / "fixtures" / "keys_v1.jsonl").read_bytes().splitlines()
    assert api_keys.decode(written[0]).limits == Limits(4, 60, 100) and api_keys.decode(written[1]).expires is None
