"""Batchers that run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.workers.running import Running, made


@pytest.fixture
def waiting() -> Iterator[Running]:
    """One that has not started."""
    found = made()
    yield found
    found.stop()


@pytest.fixture
def running(waiting: Running) -> Running:
    waiting.start()
    return waiting
