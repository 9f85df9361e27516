"""A Redis that refuses is one that is away, and nobody is turned away for want of a connection."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from redis.exceptions import ExecAbortError, OutOfMemoryError, ReadOnlyError, ResponseError

from mlxq.settings import Settings
from tasks.redis import client
from tasks.redis.client import Refused, as_refusal
from tasks.redis.scripts import AWAY, answers
from tasks.redis.store import JobStore
from tasks.values.errors import QueueUnavailable, StorageFull

REFUSALS = {
    "OOM": OutOfMemoryError("command not allowed when used memory > 'maxmemory'.", status_code="OOM"),
    "MISCONF": ResponseError("MISCONF Errors writing to the AOF file: No space left on device"),
    "READONLY": ReadOnlyError("You can't write against a read only replica.", status_code="READONLY"),
    "EXECABORT": ExecAbortError("Transaction discarded because of previous errors.", status_code="EXECABORT"),
    "UNBLOCKED": ResponseError("UNBLOCKED force unblock from blocking operation, instance state changed"),
    "NOREPLICAS": ResponseError("Command # 1 (SET a 1) of pipeline caused error: NOREPLICAS Not enough good replicas"),
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_is_an_absence(kind: str) -> None:
    refused = as_refusal(REFUSALS[kind])
    assert isinstance(refused, Refused) and isinstance(refused, AWAY) and refused.kind == kind


@pytest.mark.parametrize(
    "error", [ResponseError("WRONGTYPE Operation against a key"), ResponseError("unknown command"), ResponseError("")]
)
def test_any_other_error_stays_one(error: ResponseError) -> None:
    assert as_refusal(error) is error


@pytest.mark.parametrize(
    ("kind", "answer"), [("OOM", StorageFull), ("MISCONF", StorageFull), ("READONLY", QueueUnavailable)]
)
def test_a_client_is_told_why_and_when_to_come_back(kind: str, answer: type[Exception]) -> None:
    with pytest.raises(answer) as caught, answers():
        raise as_refusal(REFUSALS[kind])
    assert caught.value.failure.retry_after  # type: ignore[attr-defined]


def test_a_full_redis_refuses_commands_and_pipelines_alike(store: JobStore) -> None:
    before = store.redis.config_get("maxmemory")["maxmemory"]
    store.redis.config_set("maxmemory", "1mb")
    try:
        with pytest.raises(Refused):
            store.redis.set("a", 1)
        for transaction in (True, False):
            with pytest.raises(Refused), store.redis.pipeline(transaction=transaction) as pipe:
                pipe.set("a", 1)
                pipe.execute()
    finally:
        store.redis.config_set("maxmemory", before)


def test_whoever_finds_no_connection_waits_for_one(settings: Settings) -> None:
    redis = client.connect(settings.redis_url)
    callers = 4 * client.CONNECTIONS
    with ThreadPoolExecutor(callers) as pool:
        found = list(pool.map(lambda _: redis.blpop(["never"], timeout=0.05), range(callers)))
    assert found == [None] * callers
    redis.close()
