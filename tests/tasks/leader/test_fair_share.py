"""Owners share alike, and the batches of an owner share what is his."""

from __future__ import annotations

from tasks.leader import fair_share
from tasks.redis.store import JobStore
from tasks.values.job import Lane
from tests.support.jobs import chat


def served(keys: list[str], number: int) -> list[str]:
    """Who is served in so many turns, beginning with nobody."""
    last, found = dict.fromkeys(keys, -1.0), list[str]()
    for now in range(number):
        found.append(fair_share.following(last))
        last[found[-1]] = float(now)
    return found


def test_owners_take_turns() -> None:
    assert served(["a", "b", "c"], 6) == ["a", "b", "c", "a", "b", "c"]


def test_an_owner_has_no_more_turns_for_many_batches() -> None:
    found = served(["many:1", "many:2", "many:3", "few:1", "few"], 12)
    assert sum(name.startswith("few") for name in found) == 6
    assert all(found.count(f"many:{number}") == 2 for number in (1, 2, 3))


def test_only_the_lines_of_a_batch_have_its_turn(store: JobStore) -> None:
    told = {"batch_id": "batch_1"}
    assert fair_share.key(chat(store, owner="me", lane=Lane.BATCH, metadata=told)) == "me:batch_1"
    assert fair_share.key(chat(store, owner="me", lane=Lane.BATCH)) == "me"
    assert fair_share.key(chat(store, owner="me", lane=Lane.JOBS, metadata=told)) == "me"


def test_a_newcomer_is_next() -> None:
    assert fair_share.following({"a": 5.0, "b": 7.0, "new": -1.0}) == "new"
