"""Whatever step a runner dies at, the next one goes on: every line's record stands once, and the counts are right."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mlxq.catalogue import Catalogue
from mlxq.settings import Settings
from tasks.batches.batches import Batches, BatchState, Status
from tasks.batches.lines import BatchLines
from tasks.redis.claims import Claims
from tasks.redis.store import JobStore
from tasks.stored.files import Files
from tasks.values import events, results
from tasks.values.errors import Failure
from tasks.values.events import Usage
from tasks.values.job import Listing, Record
from tasks.values.job import Status as JobStatus
from tests.support.servers import fake
from web.batches import runner as module
from web.batches.output_files import OutputFiles
from web.batches.runner import BatchRunner
from web.gateway import Gateway, connect

URL = "/v1/chat/completions"


@pytest.fixture
def gateway(settings: Settings, store: JobStore) -> Iterator[Gateway]:
    small = Settings(**{**vars(settings), "batch_window": 6})
    made = connect(small, Catalogue.parse({"models": [fake(), fake("other")]}, "test"))
    yield made
    made.followers.close()


class Crash(Exception):
    """The process is killed here."""


def body(word: str, model: str = "fake") -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": word}], "max_tokens": 2}


def line(custom_id: str, **more: Any) -> str:
    return json.dumps({"custom_id": custom_id, "method": "POST", "url": URL, "body": body(custom_id), **more}) + "\n"


def batch(store: JobStore, *lines: str, owner: str = "me", seconds: int = 86_400) -> BatchState:
    blob = store.blobs.put("".join(lines).encode(), "application/jsonl")
    file = Files(store).add(owner, "in.jsonl", "batch", blob, None)
    return Batches(store).create(file, endpoint=URL, window="24h", seconds=seconds, metadata=None, output_keep=None)


def work(store: JobStore, most: int = 100, owner: str = "me") -> int:
    """What workers would do with the lines that are queued; how many there were."""
    done = 0
    for record in reversed(listed(store, owner)):
        if record.status is not JobStatus.QUEUED or done == most:
            continue
        claims = Claims(store, record.job.model, "worker-1")
        claim = claims.claim(record.job.id)
        assert claim is not None
        word = claim.job.payload.messages[-1].content  # type: ignore[union-attr]
        if word == "fail":
            claims.settle(claim, events.Failed(Failure("engine_error", "asked to fail")))
        else:
            result = results.TextResult((results.Choice(word),), Usage(1, 2))
            claims.settle(claim, events.Done(Usage(1, 2)), result)
        done += 1
    return done


def listed(store: JobStore, owner: str = "me") -> tuple[Record, ...]:
    return store.list(owner, limit=1000, include=Listing.LINES).records


def new_runner(gateway: Gateway, store: JobStore, id: str = "runner") -> BatchRunner:
    store.redis.set(store.keys.runner(), id)
    return BatchRunner(gateway, id)


def seen(store: JobStore, state: BatchState) -> BatchState:
    return Batches(store).get(state.batch.id, state.batch.owner)


def finish(
    runner: BatchRunner, store: JobStore, state: BatchState, each: Callable[[], object] | None = None
) -> BatchState:
    for _ in range(300):
        runner.turn(wait=0.01)
        (each or (lambda: work(store)))()
        if seen(store, state).status.terminal:
            return seen(store, state)
    raise AssertionError(f"it does not end: {seen(store, state)}")


def told(store: JobStore, state: BatchState, kind: str) -> dict[str, dict[str, Any]]:
    """The lines of a file by custom id, each of which stands there once."""
    file_id = state.output_file if kind == "output" else state.error_file
    if file_id is None:
        return {}
    data = store.blobs.read(Files(store).get(file_id, state.batch.owner).blob)
    lines = [json.loads(one) for one in data.splitlines()]
    assert max(Counter(one["custom_id"] for one in lines).values()) == 1
    return {one["custom_id"]: one for one in lines}


LINES = [
    *(line(f"r{number}") for number in range(10)),
    "\n",
    line("fail", body=body("fail")),
    line("refused", body={**body("x"), "temperature": 9}),
    line("nowhere", body=body("x", "none")),
    line("streamed", body={**body("x"), "stream": True}),
    line("other", body=body("x", "other")),
]
STEPS = [
    (BatchLines, "move"),
    (BatchLines, "take"),
    (BatchLines, "submit"),
    (OutputFiles, "append"),
    (BatchLines, "commit"),
    (BatchLines, "erase"),
    (OutputFiles, "open"),
    (BatchLines, "settle"),
    (OutputFiles, "remove"),
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize(("where", "step"), STEPS, ids=[step for _, step in STEPS])
def test_a_crash_at_any_step_costs_and_doubles_nothing(
    where: type, step: str, nth: int, when: str, gateway: Gateway, store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 3)
    state = batch(store, *LINES)
    original, calls = getattr(where, step), [0]

    def crashing(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        if calls[0] == nth and when == "before":
            raise Crash
        found = original(*args, **kwargs)
        if calls[0] == nth:
            raise Crash
        return found

    first = new_runner(gateway, store, "first")
    monkeypatch.setattr(where, step, crashing)
    crashed = False
    try:
        finish(first, store, state)
    except Crash:
        crashed = True
    assert crashed == ((step, nth) not in (("settle", 2), ("remove", 2)))  # these happen once
    found = finish(new_runner(gateway, store, "second"), store, state) if crashed else seen(store, state)

    assert found.status is Status.COMPLETED
    assert (found.total, found.completed, found.failed) == (15, 11, 4)
    assert (found.usage.prompt_tokens, found.usage.completion_tokens) == (11, 22)
    output, errors = told(store, found, "output"), told(store, found, "error")
    assert set(output) == {*(f"r{number}" for number in range(10)), "other"}
    statuses = {custom_id: one["response"]["status_code"] for custom_id, one in errors.items()}
    assert statuses == {"fail": 500, "refused": 400, "nowhere": 404, "streamed": 400}
    new_runner(gateway, store, "third").turn(wait=0.01)
    assert not store.redis.exists(store.keys.inflight(state.batch.id), store.keys.running(), store.keys.landed())
    assert store.redis.keys(store.keys.job("*")) == store.redis.keys(store.keys.index("me", Listing.LINES)) == []
    assert [path for path in (store.settings.home / "batches").glob("*") if path.is_dir()] == []


def test_the_window_is_bounded_and_lines_leave_nothing_behind(gateway: Gateway, store: JobStore) -> None:
    state = batch(store, *(line(f"r{number}") for number in range(40)))
    runner, most = new_runner(gateway, store), [0]

    def each() -> None:
        most[0] = max(most[0], len(listed(store)))
        work(store, 2)

    assert finish(runner, store, state, each).completed == 40
    assert most[0] == 6
    left = {key.decode().split(":")[1] for key in store.redis.keys("*")}
    assert left <= {
        "batch",
        "batches",
        "file",
        "files",
        "blob",
        "outdated",
        "done",
        "lanes",
        "runner",
        "stir",
        "wake",
        "clients",
    }


def test_batches_and_owners_share_the_window(gateway: Gateway, store: JobStore) -> None:
    alone = batch(store, *(line(f"a{number}") for number in range(40)))
    runner = new_runner(gateway, store)
    for _ in range(4):
        runner.turn(wait=0.01)
    inflight = BatchLines(store, "runner").inflight
    assert len(inflight(alone.batch.id)) == 6
    second = batch(store, *(line(f"b{number}") for number in range(40)))
    other = batch(store, *(line(f"c{number}") for number in range(40)), owner="you")
    runner._refreshed = 0.0
    for _ in range(5):
        runner.turn(wait=0.01)
    assert len(inflight(other.batch.id)) == 3 and len(inflight(second.batch.id)) == 2  # at once, whoever was first
    for _ in range(9):
        work(store, 2)
        work(store, 2, owner="you")
        runner.turn(wait=0.01)
        runner.turn(wait=0.01)
    assert [len(inflight(state.batch.id)) for state in (alone, second, other)] == [2, 2, 3]


def test_a_cancelled_batch_keeps_what_is_done(gateway: Gateway, store: JobStore) -> None:
    state = batch(store, *(line(f"r{number}") for number in range(20)))
    runner, cancelled = new_runner(gateway, store), []

    def each() -> None:
        if seen(store, state).completed >= 4 and not cancelled:
            cancelled.append(Batches(store).cancel(state.batch.id, "me"))
        elif not cancelled:
            work(store, 2)

    found = finish(runner, store, state, each)
    assert found.status is Status.CANCELLED and {Status.CANCELLING, Status.CANCELLED} <= set(found.times)
    output, errors = told(store, found, "output"), told(store, found, "error")
    assert len(output) == found.completed >= 4 and len(errors) == found.failed == 20 - len(output)
    assert not set(output) & set(errors)
    assert {(one["response"], one["error"]["code"]) for one in errors.values()} == {(None, "batch_cancelled")}


def test_an_expired_batch_keeps_what_is_done(
    gateway: Gateway, store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = batch(store, *(line(f"r{number}") for number in range(20)))
    runner = new_runner(gateway, store)
    for _ in range(4):
        runner.turn(wait=0.01)
    work(store, 3)
    runner.turn(wait=0.01)
    later = state.batch.deadline + 1
    monkeypatch.setattr(JobStore, "now", lambda _: later)
    found = finish(runner, store, state, lambda: None)
    assert found.status is Status.EXPIRED and Status.FINALIZING in found.times
    output, errors = told(store, found, "output"), told(store, found, "error")
    assert (len(output), len(errors), found.completed, found.failed) == (3, 17, 3, 17)
    assert {one["error"]["code"] for one in errors.values()} == {"batch_expired"}


@pytest.mark.parametrize("slice_", [1, 2, 100])
def test_a_batch_cancelled_while_it_is_checked_says_of_each_line_that_it_was_not_done(
    slice_: int, gateway: Gateway, store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.batches.validation._SLICE", slice_)
    state = batch(store, *(line(f"r{number}") for number in range(5)))
    runner = new_runner(gateway, store)
    if slice_ < 100:
        runner.turn(wait=0.01)
    cancelled = Batches(store).cancel(state.batch.id, "me")
    found = finish(runner, store, state)
    assert (found.status, found.total, found.failed, found.output_file) == (Status.CANCELLED, 5, 5, None)
    assert found.times[Status.CANCELLING] == cancelled.times[Status.CANCELLING]
    errors = told(store, found, "error")
    assert sorted(errors) == [f"r{number}" for number in range(5)]
    assert {one["error"]["code"] for one in errors.values()} == {"batch_cancelled"}


def test_a_batch_whose_file_is_wrong_is_cancelled_all_the_same(gateway: Gateway, store: JobStore) -> None:
    state = batch(store, line("a"), "no JSON\n")
    Batches(store).cancel(state.batch.id, "me")
    found = finish(new_runner(gateway, store), store, state)
    assert (found.status, found.error_file) == (Status.CANCELLED, None) and found.problems


def test_a_line_s_fields_that_nobody_knows_are_told_with_its_answer(gateway: Gateway, store: JobStore) -> None:
    more = {**body("a"), "chat_id": "x"}
    state = batch(store, line("a", body=more), line("b", body={**body("b"), "temprature": 1}))
    found = finish(new_runner(gateway, store), store, state)
    assert told(store, found, "output")["a"]["response"]["ignored"] == ["chat_id"]
    assert told(store, found, "error")["b"]["response"]["body"]["error"]["param"] == "temprature"


@pytest.mark.parametrize("deleted", ["input", "output", "input's end", "input before it was read"])
def test_a_batch_whose_files_somebody_deleted_fails_and_says_so(
    deleted: str, gateway: Gateway, store: JobStore
) -> None:
    state, good = batch(store, *(line(f"r{number}") for number in range(20))), batch(store, line("good"))
    runner = new_runner(gateway, store)

    def damage() -> None:
        if deleted == "output":
            runner.folder.path(state.batch.id, "output").unlink(missing_ok=True)
        elif deleted == "input":
            store.blobs.path(state.batch.input).unlink(missing_ok=True)
        elif store.blobs.path(state.batch.input).exists():
            os.truncate(store.blobs.path(state.batch.input), 300)

    if deleted == "input before it was read":
        damage()

    def each() -> None:
        work(store, 2)
        if seen(store, state).completed >= 2:
            damage()

    found = finish(runner, store, state, each)
    assert found.status is Status.FAILED and [problem.code for problem in found.problems] == ["file_lost"]
    assert finish(runner, store, good).status is Status.COMPLETED


def test_a_result_that_somebody_deleted_is_made_again(gateway: Gateway, store: JobStore) -> None:
    state = batch(store, line("a"), line("b"))
    runner = new_runner(gateway, store)
    for _ in range(3):
        runner.turn(wait=0.01)
    jobs = [record.job.id for record in listed(store)]
    work(store)
    store.redis.hset(store.keys.job(jobs[0]), "result", '@{"sha256":"' + "0" * 64 + '","size":1,"type":""}')
    assert finish(runner, store, state).completed == 2


def test_a_line_whose_job_its_owner_cancels_is_an_error_and_the_others_go_on(gateway: Gateway, store: JobStore) -> None:
    state = batch(store, line("a"), line("b"))
    runner = new_runner(gateway, store)
    for _ in range(3):
        runner.turn(wait=0.01)
    by_id = {record.job.metadata["custom_id"]: record.job.id for record in listed(store)}
    store.cancel(by_id["b"], "me")
    found = finish(runner, store, state)
    assert found.status is Status.COMPLETED and set(told(store, found, "output")) == {"a"}
    response = told(store, found, "error")["b"]["response"]
    assert (response["status_code"], response["body"]["error"]["code"]) == (409, "job_cancelled")


def test_an_end_that_nobody_told_of_is_found(gateway: Gateway, store: JobStore) -> None:
    state = batch(store, line("a"), line("b"))
    runner = new_runner(gateway, store)
    for _ in range(3):
        runner.turn(wait=0.01)
    work(store)
    store.redis.delete(store.keys.landed())
    store.redis.delete(store.keys.job(next(iter(runner._jobs))))
    runner._swept = 0.0
    assert finish(runner, store, state).completed == 2


def test_one_process_writes_at_a_time(gateway: Gateway, store: JobStore) -> None:
    first, second = new_runner(gateway, store), new_runner(gateway, store)
    assert first.folder.acquire() and first.folder.acquire()
    assert not second.folder.acquire()
