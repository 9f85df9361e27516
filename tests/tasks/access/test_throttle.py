"""Limits are exact however many ask at once and wherever, and what a dead process held comes back."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tasks.access import throttle
from tasks.access.api_keys import Limits
from tasks.access.throttle import Admission, Throttle
from tasks.redis.scripts import Call, Scripts
from tasks.redis.store import JobStore
from tasks.values.errors import QueueUnavailable, RateLimited, TooManyAtOnce
from tests.support.servers import eventually

KEY = "key_0123456789abcdef"


@pytest.fixture
def store(store: JobStore) -> JobStore:
    """Here many ask at once, so that what a script answers twice differs by what others did in between."""
    return replace(store, scripts=Scripts(store.redis))


@pytest.fixture
def new(store: JobStore) -> Iterator[Callable[[], Throttle]]:
    """The throttle of another web process; they are stopped afterwards."""
    made: list[Throttle] = []

    def one() -> Throttle:
        made.append(Throttle(store))
        return made[-1]

    yield one
    for each in made:
        each.stop()


def at_once(processes: list[Throttle], limits: Limits, asked: int) -> list[Admission]:
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(lambda at: processes[at % len(processes)].admit(KEY, limits), range(asked)))


def kinds(admissions: list[Admission]) -> Counter[type]:
    return Counter(type(admission.refusal) for admission in admissions)


def test_no_more_than_so_many_are_under_way(new: Callable[[], Throttle]) -> None:
    processes, limits = [new(), new()], Limits(concurrent_requests=7)
    admissions = at_once(processes, limits, 60)
    assert kinds(admissions) == {type(None): 7, TooManyAtOnce: 53}
    for admission in admissions:
        for process in processes:
            process.release(admission.token)
    assert kinds(at_once(processes, limits, 60))[type(None)] == 7


def test_no_more_than_so_many_begin_within_a_minute(new: Callable[[], Throttle], store: JobStore) -> None:
    limits = Limits(requests_per_minute=25)
    admissions = at_once([new(), new()], limits, 60)
    assert kinds(admissions) == {type(None): 25, RateLimited: 35}
    remaining = [admission.allowance.remaining for admission in admissions if admission.allowance]
    assert sorted(remaining, reverse=True)[:25] == list(range(24, -1, -1)) and len(remaining) == 60
    forward(store, 59_000)
    late = new().admit(KEY, limits).refusal
    assert isinstance(late, RateLimited) and late.failure.retry_after == 1
    forward(store, 1_000)
    assert kinds(at_once([new()], limits, 60)) == {type(None): 25, RateLimited: 35}


def forward(store: JobStore, milliseconds: int) -> None:
    """As if so much time had passed."""
    key = store.keys.minute(KEY)
    for token, score in store.redis.zrange(key, 0, -1, withscores=True):
        store.redis.zadd(key, {token: score - milliseconds})


def test_who_is_refused_leaves_no_trace(new: Callable[[], Throttle], store: JobStore) -> None:
    process, limits = new(), Limits(concurrent_requests=1, requests_per_minute=2)
    first = process.admit(KEY, limits)
    assert isinstance(process.admit(KEY, limits).refusal, TooManyAtOnce)
    process.release(first.token)
    second = process.admit(KEY, limits)
    assert second.refusal is None and second.allowance is not None and second.allowance.remaining == 0
    process.release(second.token)
    assert isinstance(process.admit(KEY, limits).refusal, RateLimited)
    assert store.redis.zcard(store.keys.under_way(KEY)) == 0


@pytest.mark.parametrize("limits", [("3", ""), ("", "3"), ("1", "1")])
def test_a_request_whose_reply_was_lost_counts_once(store: JobStore, limits: tuple[str, str]) -> None:
    call = ("admit", [store.keys.under_way(KEY), store.keys.minute(KEY)], ["token", 15_000, *limits])
    first = store.scripts.run(*call)
    assert first[0] == b"in" and store.scripts.run(*call) == first
    assert store.redis.zcard(store.keys.under_way(KEY)) == (limits[0] != "")
    assert store.redis.zcard(store.keys.minute(KEY)) == (limits[1] != "")


def test_what_a_dead_process_held_comes_back_and_what_a_living_one_holds_does_not(
    new: Callable[[], Throttle], store: JobStore
) -> None:
    living, dead, limits = new(), new(), Limits(concurrent_requests=2)
    held, lost = living.admit(KEY, limits), dead.admit(KEY, limits)
    assert held.refusal is None and lost.refusal is None
    for process in (living, dead):
        process.stop()  # as if one were killed, and the other the same but for what is below
    key = store.keys.under_way(KEY)
    for token, score in store.redis.zrange(key, 0, -1, withscores=True):
        store.redis.zadd(key, {token: score - throttle.LEASE})  # as if so much time had passed
    living.renew()
    assert kinds(at_once([new()], limits, 3)) == {type(None): 1, TooManyAtOnce: 2}
    living.release(held.token)
    assert kinds(at_once([new()], limits, 3)) == {type(None): 1, TooManyAtOnce: 2}


def test_a_request_that_takes_long_is_shown_again_and_again(
    new: Callable[[], Throttle], store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "_RENEW", 0.05)
    new().admit(KEY, Limits(concurrent_requests=1))
    key = store.keys.under_way(KEY)
    (first,) = store.redis.zrange(key, 0, -1, withscores=True)
    eventually(lambda: store.redis.zscore(key, first[0]) > first[1])


def test_what_ends_while_it_is_renewed_is_not_shown_again(
    new: Callable[[], Throttle], store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = new()
    admission, batch = process.admit(KEY, Limits(concurrent_requests=1)), store.scripts.batch
    process.stop()
    ending = threading.Thread(target=process.release, args=(admission.token,))

    def slowly(calls: list[Call]) -> object:
        ending.start()
        ending.join(0.2)  # as much of a start as it can get
        return batch(calls)

    monkeypatch.setattr(store.scripts, "batch", slowly)
    process.renew()
    ending.join()
    assert store.redis.zcard(store.keys.under_way(KEY)) == 0


def test_without_redis_nobody_is_told_of_limits(away: JobStore) -> None:
    with pytest.raises(QueueUnavailable):
        Throttle(away).admit(KEY, Limits(requests_per_minute=1))
    Throttle(away).release("whatever")
