"""Readers see every event once, in order, whenever they come."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from mlxq.settings import Settings
from tasks.processes.presence import Presence
from tasks.redis import store as stores
from tasks.redis.claims import Begun, Changes, Claim, Claims, Ended, Published
from tasks.redis.store import JobStore
from tasks.redis.stream_entries import StreamEntry, rebuilt
from tasks.streaming.followers import Ends, Followers, Inbox
from tasks.values import events, results
from tasks.values.errors import NotFound
from tasks.values.job import Job, Status
from tasks.values.messages import Message, ToolCall
from tasks.values.requests import ChatRequest
from tests.support.jobs import chat
from tests.support.servers import PATIENCE, eventually
from tests.support.wire import counted

RESULT = results.TextResult((results.Choice("abc"),), events.Usage(1, 3))


@pytest.fixture
def followers(store: JobStore) -> Iterator[Followers]:
    followers = Followers(store)
    yield followers
    followers.close()


def claimed(store: JobStore, claims: Claims) -> Claim:
    job = chat(store)
    store.submit(job, room=5)
    claim = claims.claim(job.id)
    assert claim is not None
    claims.write(Changes([Begun(claim, 1)]), "0-0")
    return claim


def say(claims: Claims, claim: Claim, number: int, text: str) -> None:
    claims.write(Changes(published=[Published(claim, [(number, events.Delta(text))], None)]), "0-0")


def finish(claims: Claims, claim: Claim) -> None:
    claims.write(Changes(ended=[Ended(claim, events.Done(RESULT.usage), RESULT)]), "0-0")


def ids(followers: Followers, claim: Claim, after: str = "0") -> list[str]:
    return [entry[0] for found in followers.events(claim.job.id, after, silence=0.2) for entry in found]


def test_events_come_as_they_happen_and_end_with_the_job(store: JobStore, one: Claims, followers: Followers) -> None:
    claim = claimed(store, one)
    source = followers.events(claim.job.id, silence=PATIENCE)
    assert next(source) == [("1-1", events.Started(1, 1))]
    say(one, claim, 2, "a")
    assert next(source) == [("1-2", events.Delta("a"))]
    finish(one, claim)
    assert [entry[0] for found in source for entry in found] == ["1-3"]


def test_silence_is_told(store: JobStore, one: Claims, followers: Followers) -> None:
    claim = claimed(store, one)
    source = followers.events(claim.job.id, silence=0.05)
    assert next(source) and next(source) == [] and next(source) == []


def test_many_readers_of_one_job_each_see_all_of_it(store: JobStore, one: Claims, followers: Followers) -> None:
    claim = claimed(store, one)
    seen: list[list[str]] = []
    threads = [threading.Thread(target=lambda: seen.append(ids(followers, claim))) for _ in range(6)]
    for number, thread in enumerate(threads):
        thread.start()
        say(one, claim, number + 2, str(number))
    finish(one, claim)
    for thread in threads:
        thread.join(PATIENCE)
    assert seen == [[f"1-{number}" for number in range(1, 9)]] * 6
    assert followers.reader.idle


def test_a_reader_goes_on_where_it_stopped(store: JobStore, one: Claims, followers: Followers) -> None:
    claim = claimed(store, one)
    for number, text in enumerate("abc", start=2):
        say(one, claim, number, text)
    finish(one, claim)
    assert ids(followers, claim, after="1-3") == ["1-4", "1-5"]
    assert ids(followers, claim, after="1-5") == []


def test_when_the_stream_is_gone_the_record_tells_the_same_text(
    store: JobStore, one: Claims, followers: Followers
) -> None:
    claim = claimed(store, one)
    for number, text in enumerate("abc", start=2):
        say(one, claim, number, text)
    finish(one, claim)
    store.redis.delete(store.keys.events(claim.job.id))
    told = [entry[1] for found in followers.events(claim.job.id, silence=0.5) for entry in found]
    assert told == [events.Delta("abc", finish_reason="stop"), events.Done(RESULT.usage)]
    assert ids(followers, claim, after="1-5") == []


def test_a_job_that_is_gone_is_said_to_be(store: JobStore, one: Claims, followers: Followers) -> None:
    claim = claimed(store, one)
    source = followers.events(claim.job.id, silence=0.2)
    next(source)
    store.redis.delete(store.keys.job(claim.job.id), store.keys.events(claim.job.id))
    with pytest.raises(NotFound):
        list(source)


def submitted(followers: Followers, **fields: Any) -> Job:
    job = chat(followers.store, sync=True, **fields)
    followers.submit(job, Inbox(), room=5)
    return job


def test_who_submits_a_job_follows_it(store: JobStore, one: Claims, followers: Followers) -> None:
    job = submitted(followers)
    assert store.redis.hgetall(store.keys.following(followers.client)) == {job.id.encode(): b"1"}
    claim = one.claim(job.id)
    assert claim is not None
    one.write(Changes([Begun(claim, 1)]), "0-0")
    finish(one, claim)
    assert ids(followers, claim) == ["1-1", "1-2"]
    followers.leave(job.id)
    assert followers.reader.idle and not followers._given


def test_who_leaves_before_the_end_cancels_it(store: JobStore, followers: Followers) -> None:
    job = submitted(followers)
    assert followers.leave(job.id)
    assert store.get(job.id, job.owner).status is Status.CANCELLED
    assert followers.reader.idle and not followers._counts


def test_who_leaves_after_the_end_is_told_of_with_the_next_lease(
    store: JobStore, one: Claims, followers: Followers
) -> None:
    job = submitted(followers)
    store.finish(job.id, events.Cancelled())
    assert list(followers.events(job.id, silence=PATIENCE))
    assert not followers.leave(job.id) and not followers._ended
    eventually(lambda: not store.redis.hexists(store.keys.following(followers.client), job.id))


def test_a_job_that_is_joined_by_its_key_is_not_followed_twice(store: JobStore, followers: Followers) -> None:
    job = submitted(followers, idempotency_key="key")
    again = followers.submit(chat(store, sync=True, idempotency_key="key"), Inbox(), room=5)
    assert again == (job.id, True)
    assert followers._counts == {job.id: 1}
    assert store.redis.hgetall(store.keys.following(followers.client)) == {job.id.encode(): b"1"}


@pytest.mark.parametrize("early", [False, True])
def test_a_call_is_one_round_trip_to_make_and_none_to_read_or_leave(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, early: bool
) -> None:
    store = stores.connect(settings)
    followers = Followers(store)
    submitted(followers)
    job, inbox = chat(store, sync=True), Inbox()
    with counted(monkeypatch) as sent:
        followers.submit(job, inbox, room=5)
        source = followers.events(job.id, silence=PATIENCE, inbox=inbox)
        ending = threading.Thread(target=store.finish, args=(job.id, events.Cancelled()))
        ending.start()
        if early:  # it has ended before anybody reads
            eventually(lambda: not inbox.empty())
        assert list(source)
        followers.leave(job.id)
    ending.join()
    followers.close()
    assert sent == ["evalsha"]


def test_who_waits_for_the_end_is_told_nothing_else(store: JobStore, one: Claims, followers: Followers) -> None:
    claim = claimed(store, one)
    source = followers.events(claim.job.id, silence=PATIENCE, inbox=Ends())
    threading.Timer(0.1, lambda: [say(one, claim, 2, "a"), finish(one, claim)]).start()
    assert [found[-1][0] for found in source if found] == ["1-3"]


def test_a_closed_follower_has_no_threads(store: JobStore) -> None:
    before = threading.active_count()
    followers = Followers(store)
    followers.join("job_1")
    assert threading.active_count() == before + 2
    followers.close()
    eventually(lambda: threading.active_count() == before)


def test_a_process_that_follows_nothing_has_no_threads_and_shows_no_lease(store: JobStore) -> None:
    before = threading.active_count()
    followers = Followers(store)
    assert threading.active_count() == before and followers.missing() == []
    followers.close()
    assert Presence(store).clients() == {}


def test_who_follows_shows_a_lease_before(store: JobStore) -> None:
    followers = Followers(store)
    followers.join("job_1")
    assert Presence(store).clients().keys() == {followers.client}
    followers.close()
    assert Presence(store).clients() == {}


def test_what_a_late_reader_is_told_adds_up_to_the_result() -> None:
    called = ToolCall("call_1", "add", '{"a": 1}'), ToolCall("call_2", "add", "{}")
    choices = (
        results.Choice("ab", reasoning="so", calls=called, finish_reason="tool_calls"),
        results.Choice("c", "length"),
    )
    result = results.TextResult(choices, events.Usage(1, 3))
    told = [*rebuilt(result), events.Done(result.usage)]
    assert results.fold(ChatRequest((Message("user", "hi"),)), told) == result


def test_an_event_that_cannot_be_read_ends_its_reader_alone(store: JobStore, one: Claims, followers: Followers) -> None:
    bad, good = claimed(store, one), claimed(store, one)
    sources = [followers.events(claim.job.id, silence=5) for claim in (bad, good)]
    assert [next(source) for source in sources] == [[("1-1", events.Started(1, 1))]] * 2
    store.redis.xadd(store.keys.events(bad.job.id), {"e": b'{"v":99,"e":{"type":"hologram"}}'}, id="1-2")
    told = [entry[1] for found in sources[0] for entry in found]
    assert isinstance(told[-1], events.Failed) and told[-1].failure.code == "unreadable_record"
    say(one, good, 2, "a")
    finish(one, good)
    assert [entry[0] for found in sources[1] for entry in found] == ["1-2", "1-3"] and followers.missing() == []


def test_a_step_is_one_read_however_many_rows_are_followed(settings: Settings) -> None:
    store = stores.connect(settings)
    worker, followers = Claims(store, "fake", "worker-1"), Followers(store)
    claims = [claimed(store, worker) for _ in range(8)]
    sources = [followers.events(claim.job.id, silence=PATIENCE) for claim in claims]
    assert all(next(source) for source in sources)
    store.redis.config_resetstat()
    for number in (2, 3):
        changes = Changes(published=[Published(claim, [(number, events.Delta("a"))], None) for claim in claims])
        worker.write(changes, "0-0")
        assert all(next(source) for source in sources)
    # One that waited when the count began, and one that waits now; and one each time that seconds pass.
    assert store.redis.info("commandstats")["cmdstat_xread"]["calls"] < len(claims)
    followers.close()


def test_the_newest_of_those_who_wait_is_told_first(store: JobStore, one: Claims, followers: Followers) -> None:
    told: list[str] = []

    class Noted(Inbox):
        def __init__(self, job_id: str) -> None:
            self._job_id = job_id

        def put(self, item: list[StreamEntry], block: bool = True, timeout: float | None = None) -> None:
            told.append(self._job_id)
            super().put(item, block, timeout)

    claims = [claimed(store, one) for _ in range(4)]
    sources = [followers.events(claim.job.id, silence=PATIENCE, inbox=Noted(claim.job.id)) for claim in claims]
    assert all(next(source) for source in sources)
    told.clear()
    one.write(Changes(published=[Published(claim, [(2, events.Delta("a"))], None) for claim in claims]), "0-0")
    assert all(next(source) for source in sources)
    assert told == [claim.job.id for claim in reversed(claims)]
