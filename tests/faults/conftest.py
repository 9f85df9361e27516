"""A stack that a test may break: it is whole again for the next one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.clients import Clients
from tests.support.servers import Stack, Valkey, fake, running

LEASE = 1.5  # seconds: a lost process is noticed sooner than in earnest


@pytest.fixture(scope="module")
def stack(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    models = [fake(slots=32, step_ms=40), fake("other", step_ms=5)]
    stack = Stack(valkey, tmp_path_factory.mktemp("stack"), models, MLXQ_WORKER_LEASE=str(LEASE))
    yield from running(stack)


@pytest.fixture
def clients(stack: Stack) -> Iterator[Clients]:
    clients = Clients(stack.ready())
    yield clients
    clients.close()
