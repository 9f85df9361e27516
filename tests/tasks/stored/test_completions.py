"""What a job answers is stored with its end, once, as its owner's, and goes with its time or when it is deleted."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tasks.leader.housekeeping import Housekeeping
from tasks.redis.claims import Changes, Claims, Ended
from tasks.redis.store import JobStore
from tasks.stored.completions import ChatCompletions, Stored
from tasks.values import chat_completion, events, results
from tasks.values.chat_completion import completion_id
from tasks.values.errors import Failure, NotFound
from tasks.values.job import Job, Lane, Storage
from tests.support.jobs import chat

DONE = events.Done(events.Usage(1, 2))
RESULT = results.TextResult((results.Choice("said"),), DONE.usage)
SENT = [{"role": "user", "content": "word"}]


def storing(store: JobStore, keep: int = 3600, **fields: Any) -> Job:
    """A job whose answer is stored, in its queue."""
    kept = store.blobs.put(msgspec.json.encode(SENT), "application/json")
    job = chat(store, storage=Storage(keep, kept, fields.pop("metadata", {})), **fields)
    store.submit(job, room=10_000)
    return job


def ended(one: Claims, job: Job, event: events.Terminal = DONE) -> Job:
    """A job that its worker has ended."""
    claim = one.claim(job.id)
    assert claim is not None
    one.write(Changes(ended=[Ended(claim, event, RESULT if event == DONE else None)]), "0-0")
    return job


def stored(store: JobStore, one: Claims, **fields: Any) -> Stored:
    job = ended(one, storing(store, **fields))
    return ChatCompletions(store).get(completion_id(job), job.owner)


def listed(store: JobStore, owner: str = "anonymous", **asked: Any) -> tuple[list[str], bool]:
    page = ChatCompletions(store).list(owner, **{"limit": 10, **asked})
    return [one.completion.id for one in page.stored], page.has_more


@pytest.mark.parametrize("fields", [{}, {"stream": True, "sync": True}, {"lane": Lane.JOBS}, {"lane": Lane.BATCH}])
def test_what_is_stored_is_there_once_its_job_has_succeeded(
    store: JobStore, one: Claims, fields: dict[str, Any]
) -> None:
    job = storing(store, metadata={"a": "b"}, **fields)
    completions = ChatCompletions(store)
    with pytest.raises(NotFound):
        completions.get(completion_id(job), "anonymous")
    ended(one, job)
    found = completions.get(completion_id(job), "anonymous")
    assert (found.metadata, found.completion.model, found.completion.created) == ({"a": "b"}, "fake", job.created)
    assert completions.messages(found) == (*SENT,)
    output = completions.output(found)
    assert output.result == RESULT and (output.job.id, output.job.created) == (job.id, job.created)


@pytest.mark.parametrize("event", [events.Cancelled(), events.Expired(), events.Failed(Failure("engine_error", "no"))])
def test_what_does_not_succeed_is_not_stored(store: JobStore, one: Claims, event: events.Terminal) -> None:
    job = ended(one, storing(store), event)
    assert listed(store) == ([], False)
    store.delete(job.id, "anonymous")
    assert list(store.redis.scan_iter(store.keys.blob("*"))) == []


def test_a_job_that_stores_nothing_leaves_nothing(store: JobStore, one: Claims) -> None:
    job = chat(store)
    store.submit(job, room=5)
    ended(one, job)
    assert listed(store) == ([], False) and not store.redis.exists(store.keys.outdated())


def test_it_stays_when_its_job_is_deleted_and_its_bytes_go_with_it(store: JobStore, one: Claims) -> None:
    found = stored(store, one)
    job = "job_" + found.completion.id.removeprefix("chatcmpl-")
    store.delete(job, "anonymous")
    completions = ChatCompletions(store)
    assert completions.messages(found) == (*SENT,) and completions.output(found).result == RESULT
    assert all(store.holds_blob(ref.sha256) for ref in (found.completion.input, found.completion.output))
    completions.delete(found.completion.id, "anonymous")
    with pytest.raises(NotFound):
        completions.get(found.completion.id, "anonymous")
    assert not store.holds_blob(found.completion.input.sha256) and not store.holds_blob(found.completion.output.sha256)
    assert not store.redis.exists(store.keys.outdated())


def test_the_messages_of_a_queued_job_are_held_by_it(store: JobStore) -> None:
    job = storing(store)
    assert job.storage is not None and store.holds_blob(job.storage.input.sha256)


def test_a_line_that_runs_again_is_stored_once(store: JobStore, one: Claims) -> None:
    job = ended(one, storing(store, lane=Lane.BATCH))
    store.delete(job.id, "anonymous")
    store.submit(job, room=5)
    ended(one, job)
    (found,) = ChatCompletions(store).list("anonymous", limit=5).stored
    store.delete(job.id, "anonymous")
    assert store.redis.hgetall(store.keys.blob(found.completion.output.sha256)) == {b"anonymous": b"1"}
    assert store.redis.hgetall(store.keys.blob(found.completion.input.sha256)) == {b"anonymous": b"1"}


def test_nobody_else_sees_it(store: JobStore, one: Claims) -> None:
    found = stored(store, one)
    completions = ChatCompletions(store)
    for call in (completions.get, completions.delete):
        with pytest.raises(NotFound):
            call(found.completion.id, "you")
    with pytest.raises(NotFound):
        completions.describe(found.completion.id, "you", {})
    assert listed(store, "you") == ([], False)
    assert listed(store) == ([found.completion.id], False)


def test_they_are_paged_in_either_order_by_model_and_by_metadata(
    store: JobStore, one: Claims, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.stored.completions._STRETCH", 2)
    made = [stored(store, one, metadata={"at": str(number % 2), "of": "x"}).completion.id for number in range(6)]
    assert listed(store) == (made, False)
    assert listed(store, newest_first=True) == (made[::-1], False)
    assert listed(store, limit=2) == (made[:2], True)
    assert listed(store, limit=4, after=made[1]) == (made[2:], False)
    assert listed(store, limit=2, after=made[4], newest_first=True) == ([made[3], made[2]], True)
    assert listed(store, metadata={"at": "1"}, limit=2) == ([made[1], made[3]], True)
    assert listed(store, metadata={"at": "1", "of": "x"}) == (made[1::2], False)
    assert listed(store, metadata={"at": "2"}) == ([], False)
    assert listed(store, models=frozenset({"fake", "more"})) == (made, False)
    assert listed(store, models=frozenset({"other"})) == ([], False)


def test_its_metadata_can_be_replaced(store: JobStore, one: Claims) -> None:
    found = stored(store, one, metadata={"a": "b"})
    described = ChatCompletions(store).describe(found.completion.id, "anonymous", {"c": "d"})
    assert described == found._replace(metadata={"c": "d"})


def test_one_whose_time_is_over_is_gone_and_then_removed(
    store: JobStore, one: Claims, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, over = stored(store, one), stored(store, one, keep=60)
    later = store.now() + 61_000
    monkeypatch.setattr(JobStore, "now", lambda _: later)
    assert listed(store) == ([kept.completion.id], False)
    with pytest.raises(NotFound):
        ChatCompletions(store).get(over.completion.id, "anonymous")
    Housekeeping(store).run()
    assert not store.redis.exists(store.keys.completion(over.completion.id))
    assert not store.holds_blob(over.completion.output.sha256)
    assert store.redis.zrange(store.keys.outdated(), 0, -1) == [kept.completion.id.encode()]


def test_of_an_owner_the_newest_stay(store: JobStore, one: Claims, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_completion, "MOST", 2)
    made = [stored(store, one).completion.id for _ in range(4)]
    assert listed(store) == (made[2:], False)
    Housekeeping(store).run()
    assert [one for one in made if store.redis.exists(store.keys.completion(one))] == made[2:]
    assert store.redis.zcard(store.keys.completions("anonymous")) == 2


def test_one_that_cannot_be_read_is_passed_over(store: JobStore, one: Claims) -> None:
    kept, later = stored(store, one), stored(store, one)
    store.redis.hset(store.keys.completion(later.completion.id), "spec", b'{"v": 99}')
    assert listed(store) == ([kept.completion.id], False)
