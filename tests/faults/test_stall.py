"""A worker whose engine does not move ends itself, and says why; one that is told to end blames none of its jobs."""

from __future__ import annotations

import signal
from functools import partial
from pathlib import Path

import pytest

from tasks.values.job import Status
from tests.faults.clients import Clients
from tests.faults.conftest import LEASE
from tests.support.servers import Stack, Valkey, eventually, fake, running

HANGS = 600_000  # milliseconds of a step


def test_a_job_that_stalls_every_worker_is_told_why_and_what_to_set(valkey: Valkey, tmp_path: Path) -> None:
    patience = {"MLXQ_STALL": "1", "MLXQ_MAX_ATTEMPTS": "2", "MLXQ_WORKER_LEASE": str(LEASE)}
    for stack in running(Stack(valkey, tmp_path, [fake(step_ms=HANGS)], **patience)):
        clients = Clients(stack.ready())
        record = clients.ended(clients.submit("slow"), within=120)
        clients.close()
        assert (record.status, record.attempt) == (Status.FAILED, 2) and record.failure is not None
        assert record.failure.code == "poison"
        assert "died 2 times while it ran this job, the last time because the engine made no" in record.failure.message
        assert "MLXQ_STALL" in record.failure.message


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_whose_supervisor_ends_amid_a_long_step_hands_its_jobs_back(
    valkey: Valkey, tmp_path: Path, end: signal.Signals
) -> None:
    once = {"MLXQ_DRAIN": "0.2", "MLXQ_MAX_ATTEMPTS": "1", "MLXQ_WORKER_LEASE": str(LEASE)}
    for stack in running(Stack(valkey, tmp_path, [fake(step_ms=5000)], **once)):
        clients = Clients(stack.ready())
        job = clients.submit("slow", 1)
        eventually(partial(clients.began, job))
        stack.supervisor.signal(end)
        stack.supervisor.wait()
        stack.supervisor.stop()
        stack.start_supervisor()
        record = clients.ended(job)
        clients.close()
        assert (record.status, record.attempt) == (Status.SUCCEEDED, 2)
