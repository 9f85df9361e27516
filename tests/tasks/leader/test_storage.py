"""Room that runs short is told before it is gone, and what is full says how to help."""

from __future__ import annotations

import shutil
from collections import namedtuple
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from tasks.leader.coordinator import Coordinator
from tasks.leader.storage import StorageWatch, shortages
from tasks.redis.store import JobStore
from tasks.values import events
from tests.support.jobs import chat

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def memory(store: JobStore) -> Iterator[None]:
    before = store.redis.config_get("maxmemory")["maxmemory"]
    yield
    store.redis.config_set("maxmemory", before)


def test_there_is_room(store: JobStore) -> None:
    assert shortages(store) == ()


@pytest.mark.parametrize(("share", "full"), [(1.1, False), (0.5, True)])
def test_memory_that_runs_short_is_told(store: JobStore, memory: None, share: float, full: bool) -> None:
    store.redis.config_set("maxmemory", int(store.redis.info("memory")["used_memory"] * share))
    (found,) = shortages(store)
    assert (found.what, found.full) == ("memory", full) and "maxmemory" in found.message


@pytest.mark.parametrize(("free", "full"), [(5 << 20, False), (0, True)])
def test_a_disk_that_runs_short_is_told(
    store: JobStore, monkeypatch: pytest.MonkeyPatch, free: int, full: bool
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100, 100, free))
    (found,) = shortages(store)
    assert (found.what, found.full) == ("disk", full)


def test_a_shortage_is_logged_when_it_begins_and_when_it_ends(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    free = iter((1 << 20, 1 << 20, 1 << 40, 1 << 40))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100, 100, next(free)))
    watch = StorageWatch(store, every=0.0)
    with capture_logs() as logs:
        assert [watch.watch() for _ in range(4)] == [True, True, False, False]
    assert [entry["event"] for entry in logs] == ["room runs short", "there is room again"]


def test_what_has_expired_goes_before_anybody_is_refused(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than one pass of housekeeping removes."""
    for _ in range(250):
        job = chat(store, keep=0)
        store.submit(job, room=500)
        store.finish(job.id, events.Done())
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100, 100, 1 << 20))
    Coordinator(store, "me", ["fake"]).turn(wait=0.01)
    assert not store.redis.exists(store.keys.expiry())
