"""A worker whose engine does not move ends itself, and the errors of its jobs say why."""

from __future__ import annotations

from pathlib import Path

from tasks.values.job import Status
from tests.faults.clients import Clients
from tests.faults.conftest import LEASE
from tests.servers import Stack, Valkey, fake, running

HANGS = 600_000  # milliseconds of a step


def test_a_job_that_stalls_every_worker_is_told_why_and_what_to_set(valkey: Valkey, tmp_path: Path) -> None:
    patience = {"MLXQ_STALL": "1", "MLXQ_MAX_ATTEMPTS": "2", "MLXQ_WORKER_LEASE": str(LEASE)}
    for stack in running(Stack(valkey, tmp_path, [fake(step_ms=HANGS)], db=2, **patience)):
        clients = Clients(stack.ready())
        record = clients.ended(clients.submit("slow"), within=120)
        clients.close()
        assert (record.status, record.attempt) == (Status.FAILED, 2) and record.failure is not None
        assert record.failure.code == "poison"
        assert "died 2 times while it ran this job, the last time because the engine made no" in record.failure.message
        assert "MLXQ_STALL" in record.failure.message
