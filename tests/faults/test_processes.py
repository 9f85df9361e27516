"""The web process, the supervisor, and a client of the queue that die at the worst moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tasks.values.job import Status
from tests.faults.clients import Clients, expected
from tests.support.servers import ROOT, Stack, Valkey, environment, eventually, fake, running


def test_a_killed_web_process_loses_no_job_and_leaves_none_running_for_nobody(clients: Clients, stack: Stack) -> None:
    abandoned = clients.stream("abandoned", 1000)
    kept = clients.stream("kept", 60, X_On_Disconnect="continue")
    job = clients.submit("polled", 60)
    eventually(lambda: abandoned.chunks and kept.chunks)

    web = psutil.Process(stack.web.pid)
    for process in [*web.children(), web]:
        process.kill()
    stack.web.wait()

    assert abandoned.wait().broken and kept.wait().broken
    ended = clients.ended(abandoned.job_id)
    assert ended.failure is not None and ended.failure.code == "web_lost"
    assert clients.ended(kept.job_id).status is Status.SUCCEEDED
    assert clients.ended(job).status is Status.SUCCEEDED
    stack.web.stop()
    stack.start_web()
    stack.ready()
    for name, job_id in (("kept", kept.job_id), ("polled", job)):
        answer = clients.http.get(f"/v1/jobs/{job_id}/result").json()
        assert answer["choices"][0]["message"]["content"] == expected(name, 60)
    assert [clients.terminals(one) for one in (abandoned.job_id, kept.job_id, job)] == [1, 1, 1]


def test_a_killed_supervisor_takes_its_workers_along_and_the_next_one_goes_on(clients: Clients, stack: Stack) -> None:
    worker = psutil.Process(clients.worker_pid())
    stream = clients.stream("shown", 400)
    jobs = [clients.submit(f"j{number}", 100) for number in range(4)]
    eventually(lambda: stream.chunks and all(clients.record(job).status is Status.RUNNING for job in jobs))

    os.kill(stack.supervisor.pid, signal.SIGKILL)
    stack.supervisor.wait()
    stack.supervisor.stop()

    eventually(lambda: not worker.is_running())
    stack.start_supervisor()
    assert stream.wait().error is not None and stream.error["code"] == "worker_lost"
    for number, job in enumerate(jobs):
        assert clients.ended(job).status is Status.SUCCEEDED
        answer = clients.http.get(f"/v1/jobs/{job}/result").json()
        assert answer["choices"][0]["message"]["content"] == expected(f"j{number}", 100)
    assert [clients.terminals(job) for job in [stream.job_id, *jobs]] == [1] * 5


@pytest.fixture
def slow_stack(own_valkey: Valkey, tmp_path: Path) -> Iterator[Stack]:
    """Its worker's steps take a minute."""
    yield from running(Stack(own_valkey, tmp_path / "stack", [fake(step_ms=60_000)], MLXQ_DRAIN="0.5"))


def test_a_worker_amid_a_long_step_does_not_outlive_its_supervisor(slow_stack: Stack) -> None:
    """Nobody is left to kill it, and for as long as it showed its lease its jobs would run nowhere else."""
    clients = Clients(slow_stack)
    job = clients.submit("slow", 1)
    eventually(lambda: clients.record(job).status is Status.RUNNING)
    worker = psutil.Process(clients.worker_pid())
    os.kill(slow_stack.supervisor.pid, signal.SIGKILL)
    slow_stack.supervisor.wait()
    slow_stack.supervisor.stop()

    eventually(lambda: not worker.is_running())

    slow_stack.start_supervisor()
    eventually(lambda: clients.record(job).attempt == 2)
    clients.close()


MESSAGE_LOST = """
import os, signal
from mlxq.settings import Settings
from tasks.redis import celery_messages, store
from tests.support.jobs import chat
jobs = store.connect(Settings.from_env(os.environ))
job = chat(jobs, "left", tokens=5)
print(job.id, flush=True)
celery_messages.Template.fill = lambda *_: ""  # so none is pushed
jobs.submit(job, room=100)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_job_whose_message_was_lost_with_its_submitter_runs_once(clients: Clients, stack: Stack) -> None:
    died = subprocess.run(
        [sys.executable, "-c", MESSAGE_LOST],
        env=environment(stack.settings),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL
    job = died.stdout.strip()

    record = clients.ended(job)

    assert record.status is Status.SUCCEEDED and record.attempt == 1
    assert clients.terminals(job) == 1
