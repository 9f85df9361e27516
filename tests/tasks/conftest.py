"""Two workers' ledgers on one store, which loses every first reply: each script runs twice, as redis-py asks again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from mlxq.settings import Settings
from tasks.redis import store as stores
from tasks.redis.claims import Claims
from tasks.redis.scripts import Call, Scripts, Value
from tasks.redis.store import JobStore
from tests.support.servers import free_port


class Twice(Scripts):
    """Runs every script twice with the same arguments, and holds the second answer equal to the first."""

    def run(self, name: str, keys: Sequence[str], args: Sequence[Value]) -> Any:
        first, again = super().run(name, keys, args), super().run(name, keys, args)
        assert again == first, f"{name} answers {again!r} where it had answered {first!r}"
        return again

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        first, again = super().batch(calls), super().batch(calls)
        assert again == first, f"{[call.name for call in calls]} answer {again!r} where they had answered {first!r}"
        return again


@pytest.fixture(params=[Scripts, Twice], ids=["once", "twice"])
def store(request: pytest.FixtureRequest, settings: Settings) -> Iterator[JobStore]:
    made = stores.connect(settings)
    made.redis.flushdb()
    yield replace(made, scripts=request.param(made.redis))
    made.redis.close()


@pytest.fixture
def one(store: JobStore) -> Claims:
    return Claims(store, "fake", "worker-1")


@pytest.fixture
def two(store: JobStore) -> Claims:
    return Claims(store, "fake", "worker-2")


@pytest.fixture
def away(settings: Settings) -> JobStore:
    """A store whose Redis is not there."""
    return stores.connect(Settings(redis_url=f"redis://127.0.0.1:{free_port()}/0", home=settings.home))
