"""A worker holds what it claims, and gives back what is claimed in its name without its knowledge."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace

import msgspec
import pytest
from structlog.testing import capture_logs

from mlxq.catalogue import Catalogue
from mlxq.entries.fake import FakeEntry, FakeOptions
from mlxq.entries.lm import LmEntry
from mlxq.settings import Settings
from tasks.redis.claims import Claims
from tasks.redis.store import JobStore
from tasks.values.job import Job, Status
from tests.support.jobs import chat
from tests.support.servers import PATIENCE, eventually
from tests.workers import running
from workers.engine import Prepared
from workers.process import Start
from workers.serving import job_runner
from workers.serving.batcher import Batcher
from workers.serving.check_deadline import ENDLESS, CheckDeadline
from workers.serving.engine_thread import EngineThread
from workers.serving.job_runner import JobRunner
from workers.serving.request_budget import Budget


@pytest.fixture
def claims(store: JobStore) -> Claims:
    return Claims(store, "fake", "worker-1")


@pytest.fixture
def batcher(claims: Claims) -> Iterator[running.Engine]:
    engine = running.Engine()
    yield engine
    for _ in range(100):
        engine.allowed.release()


def test_a_claim_whose_reply_was_lost_goes_back_and_one_that_runs_does_not(
    store: JobStore, claims: Claims, batcher: running.Engine
) -> None:
    engine = batcher
    making = Batcher(engine, claims)
    thread = threading.Thread(target=making.run, daemon=True)
    thread.start()
    runner = JobRunner(claims, engine, making)
    held, lost = (chat(store) for _ in range(2))
    for job in (held, lost):
        store.submit(job, room=5)
    celery = threading.Thread(target=runner.run, args=(held.id,), daemon=True)
    celery.start()
    eventually(lambda: store.get(held.id, "anonymous").status is Status.RUNNING)
    runner.run(held.id)  # its message comes again
    assert claims.claim(lost.id) is not None  # and nobody hears of it
    runner.tidy()
    assert claims.claimed() == {held.id, lost.id}  # the reply may still be under way
    runner.tidy()
    assert claims.claimed() == {held.id}
    assert store.get(lost.id, "anonymous").status is Status.QUEUED
    making.stop(0)
    engine.allowed.release()
    thread.join(10)
    celery.join(10)
    assert not claims.claimed() and not thread.is_alive() and not celery.is_alive()


def test_a_worker_at_rest_asks_nothing_of_the_queue(store: JobStore, batcher: running.Engine) -> None:
    asked: list[frozenset[str]] = []

    class Counted(Claims):
        def claimed(self) -> frozenset[str]:
            asked.append(super().claimed())
            return asked[-1]

    counted = Counted(store, "fake", "worker-1")
    runner = JobRunner(counted, batcher, Batcher(batcher, counted))
    runner.tidy()
    assert not asked
    runner.run("job_gone")  # somebody else has it
    for _ in range(3):
        runner.tidy()
    assert asked == [frozenset()]


class Crowded(running.Engine):
    """Takes a job when there is memory for it, but those of priority 1 at once."""

    def __init__(self) -> None:
        super().__init__()
        self.budget = Budget(6400)
        self.asked: list[str] = []

    def prepare(self, job: Job, deadline: CheckDeadline = ENDLESS) -> Prepared[str]:
        self.asked.append(job.id)
        if job.priority == 0:
            self.budget.hold(6400, deadline).free()
        return Prepared(1, job.id)


@pytest.mark.parametrize("aside", [0, 2])
def test_a_job_that_waits_for_memory_keeps_no_thread_from_one_that_needs_none(
    store: JobStore, claims: Claims, aside: int
) -> None:
    engine = Crowded()
    batcher = Batcher(engine, claims)
    thread = threading.Thread(target=batcher.run, daemon=True)
    thread.start()
    runner = JobRunner(claims, engine, batcher, aside)
    taken = engine.budget.hold(6400)
    large = [chat(store) for _ in range(2)]
    small = chat(store, priority=1)
    for job in (*large, small):
        store.submit(job, room=5)
    calls = [threading.Thread(target=runner.run, args=(job.id,), daemon=True) for job in (*large, small)]
    calls[0].start()
    calls[1].start()
    if aside:
        calls[0].join(PATIENCE)
        calls[1].join(PATIENCE)
        assert not (calls[0].is_alive() or calls[1].is_alive())  # their threads are free again
    calls[2].start()
    eventually(lambda: engine.admitted == [small.id])
    assert claims.claimed() == {job.id for job in (*large, small)}
    runner.tidy()
    runner.tidy()
    assert claims.claimed() == {job.id for job in (*large, small)}  # they are held, wherever they wait
    assert all(store.get(job.id, "anonymous").status is Status.QUEUED for job in large)
    taken.free()
    eventually(lambda: set(engine.admitted) == {small.id, *(job.id for job in large)} or engine.allowed.release())
    engine.ending |= set(engine.admitted)
    eventually(lambda: not claims.claimed() or engine.allowed.release())
    for call in calls:
        call.join(PATIENCE)
    batcher.stop(0)
    engine.allowed.release()
    thread.join(PATIENCE)
    assert {store.get(job.id, "anonymous").status for job in (*large, small)} == {Status.SUCCEEDED}


def test_a_job_waits_where_it_is_when_no_thread_can_be_started(
    store: JobStore, claims: Claims, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise RuntimeError("can't start new thread")

    engine = Crowded()
    runner = JobRunner(claims, engine, Batcher(engine, claims))
    taken = engine.budget.hold(6400)
    job = chat(store)
    store.submit(job, room=5)
    monkeypatch.setattr(job_runner, "threading", SimpleNamespace(Thread=lambda **_: SimpleNamespace(start=refuse)))
    call = threading.Thread(target=runner.run, args=(job.id,), daemon=True)
    call.start()
    eventually(lambda: len(engine.asked) == 2)
    assert call.is_alive()
    store.cancel(job.id, "anonymous")
    call.join(PATIENCE)
    assert not call.is_alive() and not runner._held
    taken.free()


def test_what_waits_aside_and_is_cancelled_is_left_alone(store: JobStore, claims: Claims) -> None:
    engine = Crowded()
    runner = JobRunner(claims, engine, Batcher(engine, claims))
    taken = engine.budget.hold(6400)
    job = chat(store)
    store.submit(job, room=5)
    runner.run(job.id)
    assert runner._held
    store.cancel(job.id, "anonymous")
    eventually(lambda: not runner._held)
    assert store.get(job.id, "anonymous").status is Status.CANCELLED
    taken.free()


def test_a_model_that_cannot_be_served_is_a_sentence_and_what_nobody_expected_a_traceback(claims: Claims) -> None:
    broken = FakeEntry(model_path="none", served_model_name="b", options=FakeOptions(load_error="no such weights"))
    for entry, traced in ((LmEntry(model_path="./nowhere", served_model_name="a"), False), (broken, True)):
        with capture_logs() as records:
            error = EngineThread(entry, Settings(), claims).loaded()
        (record,) = [one for one in records if one["log_level"] == "error"]
        assert (record["reason"], record["exc_info"]) == (str(error), traced)


@pytest.mark.parametrize(
    "server",
    [
        {"port": 8001, "log_level": "debug"},
        {"log_file": "app.log", "no_log_file": True},
        {"log_file": None, "no_log_file": False},
        {"memory_budget": "24GiB"},
        {"memory_budget": 24 << 30},
    ],
)
def test_what_a_worker_is_told_first_is_what_the_models_file_says(server: dict[str, str | int | bool | None]) -> None:
    model = {"model_path": "x", "debug": True, "aliases": ["y"]}
    catalogue = Catalogue.parse({"server": server, "models": [model]}, "test")
    entry = catalogue.get("x")
    told = msgspec.json.decode(msgspec.json.encode({"entry": entry, "server": catalogue.server}), type=Start)
    assert (told.entry, told.server) == (entry, server)
    assert Settings.from_env({}, told.server) == Settings.from_env({}, server)
