"""A conversation keeps items in their order for its owner alone, and goes when nobody has written to it for a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tasks.leader.housekeeping import Housekeeping
from tasks.redis.claims import Changes, Claims, Ended
from tasks.redis.store import JobStore
from tasks.stored import conversations as module
from tasks.stored.conversations import Conversation, Conversations
from tasks.values import events, results
from tasks.values.errors import Failure, InvalidValue, NotFound
from tasks.values.job import Job, RenderOptions
from tasks.values.responses import Asked, Response
from tests.support.jobs import chat

DONE = events.Done()


def items(*names: str, **more: Any) -> list[dict[str, Any]]:
    return [{"id": name, "type": "message", **more} for name in names]


def made(store: JobStore, *names: str, owner: str = "me", keep: int = 3600) -> Conversation:
    conversation = Conversations(store).create(owner, {}, keep).conversation
    if names:
        Conversations(store).add(conversation, items(*names))
    return conversation


def ids(store: JobStore, conversation: Conversation, **asked: Any) -> tuple[list[str], bool]:
    page = Conversations(store).items(conversation, **{"limit": 100, "newest_first": False, **asked})
    return [item["id"] for item in page.items], page.has_more


def blobs(store: JobStore) -> dict[str, dict[bytes, bytes]]:
    """Who holds which blob how often."""
    keys = [key.decode() for key in store.redis.scan_iter(store.keys.blob("*"))]
    return {key: store.redis.hgetall(key) for key in keys}


def test_a_conversation_is_its_owner_s_alone(store: JobStore) -> None:
    conversations = Conversations(store)
    made_ = conversations.create("me", {"a": "b"}, 60)
    assert conversations.get(made_.conversation.id, "me") == made_ and made_.metadata == {"a": "b"}
    calls: list[Callable[[], Any]] = [
        lambda: conversations.get(made_.conversation.id, "you"),
        lambda: conversations.describe(made_.conversation.id, "you", {}),
        lambda: conversations.delete(made_.conversation.id, "you"),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            call()


def test_its_metadata_can_be_replaced(store: JobStore) -> None:
    conversation = made(store)
    described = Conversations(store).describe(conversation.id, "me", {"c": "d"})
    assert described == (conversation, {"c": "d"}) == Conversations(store).get(conversation.id, "me")


def test_items_keep_their_order_and_are_paged_in_either(store: JobStore) -> None:
    conversation = made(store, "c", "a", "b")
    Conversations(store).add(conversation, items("z"))
    Conversations(store).add(conversation, items("d", "e"))
    order = ["c", "a", "b", "z", "d", "e"]
    assert ids(store, conversation) == (order, False)
    assert ids(store, conversation, newest_first=True) == (order[::-1], False)
    assert ids(store, conversation, limit=2) == (order[:2], True)
    assert ids(store, conversation, limit=2, after="a") == (["b", "z"], True)
    assert ids(store, conversation, limit=2, after="a", newest_first=True) == (["c"], False)
    assert ids(store, conversation, after="e") == ([], False)
    with pytest.raises(InvalidValue) as caught:
        ids(store, conversation, after="none")
    assert caught.value.failure.param == "after"


def test_an_item_is_what_was_put_in(store: JobStore) -> None:
    conversation = made(store)
    (item,) = items("a", content=[{"type": "input_text", "text": "é" * 100_000}])
    Conversations(store).add(conversation, [item])
    assert Conversations(store).item(conversation, "a") == item
    with pytest.raises(NotFound, match="no item 'b'"):
        Conversations(store).item(conversation, "b")


def test_one_item_can_be_taken_out(store: JobStore) -> None:
    conversation = made(store, "a", "b", "c")
    Conversations(store).remove(conversation, "b")
    assert ids(store, conversation) == (["a", "c"], False)
    for call in (Conversations(store).item, Conversations(store).remove):
        with pytest.raises(NotFound):
            call(conversation, "b")
    assert list(blobs(store).values()) == [{b"me": b"2"}]
    Conversations(store).add(conversation, items("b"))
    assert ids(store, conversation) == (["a", "c", "b"], False)


def test_all_items_come_or_none(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = made(store, "a")
    monkeypatch.setattr(module, "MOST_ITEMS", 3)
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    for refused, param in (
        (items("b", "a"), "items[1].id"),
        (items("b", "c", "d"), "items"),
        ([*items("b"), *items("c", content="x" * 1000)], "items[1]"),
    ):
        with pytest.raises(InvalidValue) as caught:
            Conversations(store).add(conversation, refused)
        assert caught.value.failure.param == param
    assert ids(store, conversation) == (["a"], False)
    Conversations(store).add(conversation, items("b", "gone"))
    assert ids(store, conversation) == (["a", "b", "gone"], False)


def test_a_deleted_conversation_leaves_nothing_and_takes_nothing(store: JobStore) -> None:
    conversation, other = made(store, "a", "b"), made(store, "a", "b", owner="you")
    Conversations(store).delete(conversation.id, "me")
    with pytest.raises(NotFound, match="deleted"):
        Conversations(store).get(conversation.id, "me")
    with pytest.raises(NotFound, match="deleted"):
        Conversations(store).add(conversation, items("c"))
    assert ids(store, other) == (["a", "b"], False) and list(blobs(store).values()) == [{b"you": b"2"}]
    Conversations(store).delete(other.id, "you")
    assert store.redis.keys("*") == []


def test_it_goes_when_nobody_has_written_to_it_for_its_time(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    used, unused = made(store, "a", keep=60), made(store, "a", keep=60)
    store.redis.hset(store.keys.conversation(unused.id), "expires", store.now())
    with pytest.raises(NotFound):
        Conversations(store).get(unused.id, "me")
    with pytest.raises(NotFound):
        Conversations(store).add(unused, items("b"))
    store.redis.zadd(store.keys.outdated(), {used.id: 1, unused.id: 1})
    Housekeeping(store).run()
    assert not store.redis.exists(store.keys.conversation(unused.id), store.keys.items(unused.id))
    assert ids(store, used) == (["a"], False)
    (left,) = store.redis.zrange(store.keys.outdated(), 0, -1, withscores=True)
    assert left == (used.id.encode(), int(store.redis.hget(store.keys.conversation(used.id), "expires")))
    later = store.now() + 61_000
    monkeypatch.setattr(JobStore, "now", lambda _: later)
    Housekeeping(store).run()
    assert store.redis.keys("*") == []


def test_writing_to_it_keeps_it(store: JobStore) -> None:
    conversation = made(store, keep=60)
    key = store.keys.conversation(conversation.id)
    store.redis.hset(key, "expires", store.now() + 1000)
    Conversations(store).add(conversation, items("a"))
    assert int(store.redis.hget(key, "expires")) > store.now() + 50_000


def test_of_an_owner_those_stay_that_were_written_to_last(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    first, second = made(store, "a"), made(store, "a")
    store.redis.zadd(store.keys.conversations("me"), {second.id: 1, first.id: 2})
    third = made(store)
    with pytest.raises(NotFound):
        Conversations(store).get(second.id, "me")
    Housekeeping(store).run()
    left = {member.decode() for member in store.redis.zrange(store.keys.conversations("me"), 0, -1)}
    assert left == {first.id, third.id} and not store.redis.exists(store.keys.items(second.id))


def said(store: JobStore, one: Claims, conversation: Conversation, event: events.Terminal = DONE) -> Job:
    """A call in a conversation that has ended."""
    response = Response(
        Asked({}, ({"type": "message", "role": "user", "content": "word"},)), conversation=conversation.id
    )
    job = chat(store, owner="me", options=RenderOptions(response=response))
    store.submit(job, room=100)
    claim = one.claim(job.id)
    assert claim is not None
    result = results.TextResult((results.Choice("said"),)) if event == DONE else None
    one.write(Changes(ended=[Ended(claim, event, result)]), "0-0")
    return job


def test_what_a_call_has_said_becomes_items_once_and_behind_the_others(store: JobStore, one: Claims) -> None:
    conversation, conversations = made(store, "a"), Conversations(store)
    jobs = [said(store, one, conversation) for _ in range(2)]
    for job in jobs:
        store.delete(job.id, "me")  # whoever deletes the job deletes nothing of the conversation
    turns = conversations.turns(conversation)
    outputs = [conversations.output(turn) for turn in turns]
    assert [output.job.id for output in outputs] == [job.id for job in jobs]
    assert {output.result for output in outputs} == {results.TextResult((results.Choice("said"),))}
    conversations.settle(conversation, turns[0], items("b", "c"))
    conversations.settle(conversation, turns[0], items("b", "c"))
    conversations.settle(conversation, turns[1], items("c", "d"))
    assert ids(store, conversation) == (["a", "b", "c", "d"], False) and conversations.turns(conversation) == []
    conversations.delete(conversation.id, "me")
    assert blobs(store) == {} and not list(store.redis.scan_iter(store.keys.turns("*")))


def test_what_does_not_succeed_says_nothing(store: JobStore, one: Claims) -> None:
    conversation = made(store, "a")
    for event in (events.Cancelled(), events.Failed(Failure("engine_error", "no"))):
        said(store, one, conversation, event)
    assert Conversations(store).turns(conversation) == []


def test_a_conversation_that_goes_takes_along_what_was_said_in_it(store: JobStore, one: Claims) -> None:
    conversation, gone = made(store), made(store)
    said(store, one, conversation)
    Conversations(store).delete(conversation.id, "me")
    Conversations(store).delete(gone.id, "me")
    said(store, one, gone)
    assert not list(store.redis.scan_iter(store.keys.turns("*"))) and blobs(store) == {}


def test_what_is_said_keeps_it(store: JobStore, one: Claims) -> None:
    conversation = made(store, keep=60)
    key = store.keys.conversation(conversation.id)
    store.redis.hset(key, "expires", store.now() + 1000)
    said(store, one, conversation)
    assert int(store.redis.hget(key, "expires")) > store.now() + 50_000
