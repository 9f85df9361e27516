"""The scripts are there or not there as one, so that no batch of calls runs in part."""

from __future__ import annotations

from tasks.redis.claims import Begun, Claims, Ended, Lines, Turn
from tasks.redis.store import JobStore
from tasks.values import events
from tasks.values.job import Status
from tests.jobs import chat


def test_a_batch_runs_as_a_whole_on_a_redis_that_was_started_anew(store: JobStore, one: Claims) -> None:
    job = chat(store)
    store.submit(job, room=5)
    claim = one.claim(job.id)
    assert claim is not None
    store.redis.script_flush()
    assert not store.ended(job.id)
    store.follow(job.id, "web-1", 0)  # somebody else's call brings the scripts back
    said = [Lines(claim, [(2, events.Delta("a"))], None)]
    one.write(Turn([Begun(claim, 1)], said, [Ended(claim, events.Cancelled())]), "0-0")
    kinds = [type(events.decode(fields[b"e"])) for _, fields in store.redis.xrange(store.keys.events(job.id))]
    assert kinds == [events.Started, events.Delta, events.Cancelled]
    assert store.get(job.id, "anonymous").status is Status.CANCELLED


def test_what_a_courier_was_given_it_is_given_again_when_the_reply_was_lost(store: JobStore) -> None:
    keys = [store.keys.hooks(), store.keys.reply("sender")]
    store.redis.zadd(store.keys.hooks(), {"evt_a": 0, "evt_b": 1, "evt_c": 2})
    taken = [store.scripts.run("take", keys, [60_000, 2, token]) for token in ("one", "one", "two")]
    assert taken == [[b"evt_a", b"evt_b"], [b"evt_a", b"evt_b"], [b"evt_c"]]
