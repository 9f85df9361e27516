"""Workers that die or freeze: nothing hangs, nothing is lost, nothing is told twice."""

from __future__ import annotations

import os
import signal
import time

from tasks.processes.presence import Presence
from tasks.values.job import Status
from tests.faults.clients import Clients, expected
from tests.faults.conftest import LEASE
from tests.support.servers import Stack, eventually


def test_a_killed_worker_is_restarted_and_what_showed_no_text_runs_again(clients: Clients) -> None:
    streams = [clients.stream(f"s{number}") for number in range(8)]
    calls = [clients.call(f"c{number}") for number in range(4)]
    jobs = [clients.submit(f"j{number}") for number in range(4)]
    eventually(lambda: all(len(stream.text.split()) > 3 for stream in streams))
    eventually(lambda: all(clients.record(job).status is Status.RUNNING for job in jobs))

    os.kill(clients.worker_pid(), signal.SIGKILL)

    for number, stream in enumerate(streams):
        stream.wait()
        assert stream.error is not None and stream.error["code"] == "worker_lost" and stream.done
        assert expected(f"s{number}", 50).startswith(stream.text)
        assert clients.record(stream.job_id).status is Status.FAILED
    for number, call in enumerate(calls):
        assert call.wait().status == 200
        assert call.text == expected(f"c{number}", 50)
    for number, job in enumerate(jobs):
        record = clients.ended(job)
        assert record.status is Status.SUCCEEDED and record.attempt == 2
        answer = clients.http.get(f"/v1/jobs/{job}/result").json()
        assert answer["choices"][0]["message"]["content"] == expected(f"j{number}", 50)
    every = [*(call.job_id for call in [*streams, *calls]), *jobs]
    assert [clients.terminals(job) for job in every] == [1] * 16


def test_a_job_that_kills_every_worker_ends_as_poison_and_the_others_go_on(clients: Clients) -> None:
    others = [clients.submit(f"o{number}", 20) for number in range(6)]
    poison = clients.submit("die")

    record = clients.ended(poison)

    assert record.status is Status.FAILED and record.failure is not None and record.failure.code == "poison"
    assert record.attempt == 3
    for number, job in enumerate(others):
        assert clients.ended(job).status is Status.SUCCEEDED
        answer = clients.http.get(f"/v1/jobs/{job}/result").json()
        assert answer["choices"][0]["message"]["content"] == expected(f"o{number}", 20)
    assert [clients.terminals(job) for job in [poison, *others]] == [1] * 7
    assert clients.http.get(f"/v1/jobs/{poison}/result").headers["x-should-retry"] == "false"


def test_a_worker_frozen_far_past_its_lease_goes_on_when_it_wakes(clients: Clients) -> None:
    worker = clients.worker_pid()
    stream, job = clients.stream("seen", 100), clients.submit("slow", 100)
    eventually(lambda: stream.chunks and clients.record(job).status is Status.RUNNING)

    os.kill(worker, signal.SIGSTOP)
    try:
        eventually(lambda: not Presence(clients.store).workers("fake"))
        time.sleep(4 * LEASE)
    finally:
        os.kill(worker, signal.SIGCONT)
    record = clients.ended(job)

    assert record.status is Status.SUCCEEDED and record.attempt == 1
    assert stream.wait().error is None and stream.text == expected("seen", 100)
    assert [clients.terminals(one) for one in (stream.job_id, job)] == [1, 1] and clients.worker_pid() == worker


def test_a_worker_that_was_taken_to_be_lost_is_refused_when_it_wakes(clients: Clients, stack: Stack) -> None:
    frozen = clients.worker_pid()
    job = clients.submit("slow", 100)
    eventually(lambda: clients.record(job).status is Status.RUNNING)

    os.kill(frozen, signal.SIGSTOP)
    second = None
    try:
        # What a leader does with a worker of another machine, which it has watched to be silent for long.
        (worker,) = Presence(clients.store).entered("fake")
        Presence(clients.store).expire("fake", worker)
        eventually(lambda: clients.record(job).status is Status.QUEUED)  # taken back
        second = stack.second_supervisor()
        eventually(lambda: clients.record(job).attempt == 2 and clients.record(job).status is Status.RUNNING)
    finally:
        os.kill(frozen, signal.SIGCONT)
    record = clients.ended(job)

    assert record.status is Status.SUCCEEDED and record.attempt == 2
    answer = clients.http.get(f"/v1/jobs/{job}/result").json()
    assert answer["choices"][0]["message"]["content"] == expected("slow", 100)
    assert clients.terminals(job) == 1
    eventually(lambda: stack.supervisor.log("a row was taken away") and job in stack.supervisor.log("taken away")[-1])
    assert second is not None
    second.stop()
    assert clients.call("after", 3).wait().text == expected("after", 3)
