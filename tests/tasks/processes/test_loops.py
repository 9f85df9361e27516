"""A loop outlives whatever its steps raise, and a record that cannot be handled concerns itself alone."""

from __future__ import annotations

import signal
import threading

import pytest
from structlog.testing import capture_logs

from tasks.processes.loops import Apart, BackOff, Loop, insist
from tasks.values.errors import QueueUnavailable, StorageFull
from tests.support.servers import eventually


class Steps:
    """Raises these one after the other, then nothing any more."""

    def __init__(self, *errors: BaseException) -> None:
        self._errors, self.made = list(errors), 0

    def __call__(self) -> None:
        self.made += 1
        if self._errors:
            raise self._errors.pop(0)


def test_a_loop_goes_on_after_whatever_a_step_raises() -> None:
    steps = Steps(ValueError("bad"), QueueUnavailable("away"), StorageFull("full"), KeyError("what"))
    loop = Loop("test", steps).start()
    eventually(lambda: steps.made > 5)
    assert loop.alive
    loop.stop()
    made = steps.made
    assert loop.alive and loop.stopping and steps.made == made


def test_a_failing_step_is_made_again_later_and_later() -> None:
    back_off = BackOff("test")
    waits = [back_off.run(Steps(ValueError("bad"))) for _ in range(9)]
    assert waits == sorted(waits) and waits[0] < waits[3] < waits[-1] == waits[-2] == 5.0
    assert back_off.run(Steps()) == 0.0
    assert back_off.run(Steps(ValueError("bad"))) == waits[0]


def test_an_absence_is_logged_once_and_so_is_its_end() -> None:
    back_off = BackOff("test")
    with capture_logs() as logs:
        for _ in range(3):
            assert back_off.run(Steps(QueueUnavailable("away")))
        back_off.run(Steps())
        back_off.run(Steps())
    assert [entry["event"] for entry in logs] == ["the queue is away; trying until it is back", "the queue is back"]


def test_a_process_ends_whose_loop_is_gone() -> None:
    ended = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: ended.set())
    try:
        loop = Loop("test", Steps(SystemExit())).start()
        eventually(ended.is_set)
        eventually(lambda: not loop.alive)  # it has told the process, and ends
    finally:
        signal.signal(signal.SIGTERM, before)


def test_insisting_outlasts_an_absence() -> None:
    steps = Steps(QueueUnavailable("away"), StorageFull("full"))
    insist(steps.__call__)
    assert steps.made == 3
    with pytest.raises(ValueError, match="bad"):
        insist(Steps(ValueError("bad")).__call__)


def test_a_record_that_cannot_be_handled_is_logged_once_and_the_next_is_handled() -> None:
    apart = Apart("test")
    with capture_logs() as logs:
        done = [apart.run(name, int, text) for _ in range(2) for name, text in (("a", "x"), ("b", "1"))]
    assert done == [False, True, False, True]
    assert [(entry["log_level"], entry["id"]) for entry in logs] == [("error", "a")]


def test_an_absence_concerns_all_records() -> None:
    with pytest.raises(QueueUnavailable):
        Apart("test").run("a", Steps(QueueUnavailable("away")))
