"""A file is its owner's, is listed in order, and goes with its time; its bytes stay while anything holds them."""

from __future__ import annotations

import pytest

from tasks.leader.housekeeping import Housekeeping
from tasks.redis.store import JobStore
from tasks.stored.files import File, Files
from tasks.values.errors import NotFound


def added(store: JobStore, name: str = "a.jsonl", owner: str = "me", keep: int | None = None, **more: str) -> File:
    blob = store.blobs.put(name.encode(), "application/octet-stream")
    return Files(store).add(owner, name, more.get("purpose", "batch"), blob, keep)  # type: ignore[arg-type]


def test_a_file_is_read_by_its_owner_alone(store: JobStore) -> None:
    file = added(store)
    assert Files(store).get(file.id, "me") == file
    with pytest.raises(NotFound):
        Files(store).get(file.id, "you")


def test_files_are_paged_in_either_order_and_by_purpose(store: JobStore) -> None:
    files = Files(store)
    made = [added(store, f"{number}.jsonl", purpose=("batch", "vision")[number % 2]).id for number in range(6)]
    added(store, owner="you")

    def ids(**asked: object) -> tuple[list[str], bool]:
        page = files.list("me", **{"limit": 10, **asked})  # type: ignore[arg-type]
        return [file.id for file in page.files], page.has_more

    assert ids() == (made[::-1], False)
    assert ids(limit=2) == (made[:3:-1], True)
    assert ids(limit=2, after=made[4]) == ([made[3], made[2]], True)
    assert ids(newest_first=False, after=made[1], limit=4) == (made[2:], False)
    assert ids(purpose="vision") == ([made[5], made[3], made[1]], False)


def test_a_long_list_is_read_in_stretches(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.stored.files._STRETCH", 2)
    made = [added(store, f"{number}.jsonl").id for number in range(4)]
    assert [file.id for file in Files(store).list("me", limit=10).files] == made[::-1]


def test_bytes_go_with_the_last_file_that_holds_them(store: JobStore) -> None:
    first, second = added(store), added(store)
    held = store.keys.blob(first.blob.sha256)
    assert first.blob == second.blob and store.redis.hget(held, "me") == b"2"
    Files(store).delete(first.id, "me")
    with pytest.raises(NotFound):
        Files(store).delete(first.id, "me")
    assert store.redis.hget(held, "me") == b"1"
    Files(store).delete(second.id, "me")
    assert store.redis.keys("*") == []


def test_a_file_whose_time_is_over_is_gone_and_then_removed(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, over = added(store, keep=3600), added(store, "b.jsonl", keep=60)
    later = store.now() + 61_000
    monkeypatch.setattr(JobStore, "now", lambda _: later)
    assert Files(store).list("me", limit=10).files == (kept,)
    with pytest.raises(NotFound):
        Files(store).get(over.id, "me")
    Housekeeping(store).run()
    assert store.redis.get(store.keys.file(over.id)) is None and not store.redis.exists(
        store.keys.blob(over.blob.sha256)
    )
    assert store.redis.zrange(store.keys.outdated(), 0, -1) == [kept.id.encode()]
