"""Two workers' ledgers on one store."""

from __future__ import annotations

import pytest

from tasks.ledger import Ledger
from tasks.store import JobStore


@pytest.fixture
def one(store: JobStore) -> Ledger:
    return Ledger(store, "fake", "worker-1")


@pytest.fixture
def two(store: JobStore) -> Ledger:
    return Ledger(store, "fake", "worker-2")
