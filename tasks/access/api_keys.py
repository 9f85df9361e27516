"""API keys that are made while everything runs: stored hashed, shown once, revoked for good."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from tasks.redis.scripts import answers
from tasks.redis.store import JobStore
from tasks.values.errors import NotFound

VERSION = 1
READABLE = frozenset({1})
PREFIX = "sk-mlxq-"  # tools look for "sk-", and scanners for leaked secrets for the rest
COARSE = 60_000  # milliseconds; the time of the last use is not written more often
Status: TypeAlias = Literal["active", "revoked", "expired"]


class Limits(msgspec.Struct, frozen=True, omit_defaults=True):
    """How much a key may ask for; None is without limit."""

    concurrent_requests: int | None = None
    requests_per_minute: int | None = None
    unfinished_jobs: int | None = None

    @property
    def of_requests(self) -> bool:
        """Whether its requests are counted at all."""
        return self.concurrent_requests is not None or self.requests_per_minute is not None


UNLIMITED = Limits()


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is stored; times are milliseconds since the epoch by Redis' clock.

    `digest` is the SHA-256 of the secret. A quick hash is right here: the secret is 256 random bits, which nobody
    guesses at any speed; slow hashes are for passwords, which people choose.
    """

    id: str
    digest: str
    hint: str  # the end of the secret, to know it by
    label: str
    created: int
    expires: int | None = None
    limits: Limits = UNLIMITED
    v: int = VERSION


class Listed(NamedTuple):
    """A key with what has become of it."""

    key: ApiKey
    status: Status = "active"
    used: int | None = None
    revoked: int | None = None


_decoder = msgspec.json.Decoder(ApiKey)


def encode(key: ApiKey) -> bytes:
    """A key as Redis holds it."""
    return msgspec.json.encode(key)


def decode(data: bytes) -> ApiKey:
    """The key in these bytes; ValueError for a version that this code does not read."""
    key = _decoder.decode(data)
    if key.v not in READABLE:
        raise ValueError(f"API key of version {key.v}; this mlxq reads {sorted(READABLE)}")
    return key


def digest(secret: str) -> str:
    """What a secret is known by."""
    return hashlib.sha256(secret.encode()).hexdigest()


def key_id(secret: str) -> str:
    """The id of a key, which stands in records as their owner: it tells keys apart and gives none away."""
    return "key_" + digest(secret)[:16]


@dataclass(frozen=True)
class KeyRing:
    """The stored keys."""

    store: JobStore

    def create(self, label: str, *, seconds: int | None = None, limits: Limits = UNLIMITED) -> tuple[ApiKey, str]:
        """A new key, good for `seconds` or for ever, and its secret, which nobody can find out later."""
        store, secret = self.store, PREFIX + secrets.token_urlsafe(32)
        now = store.now()
        key = ApiKey(
            id=key_id(secret),
            digest=digest(secret),
            hint=secret[-4:],
            label=label,
            created=now,
            expires=None if seconds is None else now + 1000 * seconds,
            limits=limits,
        )
        with answers():
            store.scripts.run(
                "add_key",
                [store.keys.api_key(key.id), store.keys.api_keys()],
                [key.id, encode(key), now, key.expires or ""],
            )
        return key, secret

    def use(self, secret: str) -> tuple[ApiKey, Status] | None:
        """The key of a secret, which is noted as used; None when there is none. Raises QueueUnavailable."""
        store = self.store
        with answers():
            fields = store.scripts.run("use_key", [store.keys.api_key(key_id(secret))], [COARSE])
        if fields is None:
            return None
        key, status = decode(fields[0]), fields[1].decode()
        # Ids are a part of the digest; what opens the door is all of it.
        return (key, status) if secrets.compare_digest(key.digest, digest(secret)) else None

    def revoke(self, key_id: str) -> Listed:
        """Make a key good for nothing, once and for all; NotFound when there is none of this id."""
        with answers():
            if not self.store.scripts.run("revoke_key", [self.store.keys.api_key(key_id)], []):
                raise NotFound(f"no stored key '{key_id}'")
        return self.get(key_id)

    def get(self, key_id: str) -> Listed:
        """The key of this id; NotFound when there is none."""
        keys = self._read([key_id])
        if not keys:
            raise NotFound(f"no stored key '{key_id}'")
        return keys[0]

    def list(self) -> tuple[Listed, ...]:
        """Every key that was ever made, newest first."""
        with answers():
            ids = self.store.redis.zrevrange(self.store.keys.api_keys(), 0, -1)
        return self._read([key_id.decode() for key_id in ids])

    def any(self) -> bool:
        """Whether a key was ever made."""
        with answers():
            return bool(self.store.redis.exists(self.store.keys.api_keys()))

    def _read(self, ids: Sequence[str]) -> tuple[Listed, ...]:
        now = self.store.now()
        with answers(), self.store.redis.pipeline(transaction=False) as pipe:
            for key_id in ids:
                pipe.hmget(self.store.keys.api_key(key_id), "spec", "used", "revoked")
            rows = pipe.execute()
        return tuple(
            _listed(decode(spec), _number(used), _number(revoked), now) for spec, used, revoked in rows if spec
        )


def _listed(key: ApiKey, used: int | None, revoked: int | None, now: int) -> Listed:
    over = key.expires is not None and key.expires <= now
    return Listed(key, "revoked" if revoked is not None else "expired" if over else "active", used, revoked)


def _number(value: bytes | None) -> int | None:
    return None if value is None else int(value)
