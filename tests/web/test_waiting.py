"""An inbox is waited at until it is left to an answer, which is called instead."""

from __future__ import annotations

import queue
from types import SimpleNamespace
from typing import Any

import pytest

from tasks.redis.stream_entries import StreamEntry
from tasks.values import events
from web import waiting
from web.http.wire.streams import ANSWER
from web.waiting import KEEP_ALIVE, EventInbox, audible

ENTRY: StreamEntry = ("1-1", events.Delta("a"))


class Answer:
    """Notes how it was called."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def resume(self) -> Answer:
        return self

    def wake(self) -> None:
        self.calls.append("wake")

    def look(self) -> None:
        self.calls.append("look")


def test_an_answer_is_called_for_what_comes_and_looks_where_nothing_did() -> None:
    inbox, answer = EventInbox(), Answer()
    inbox.put([ENTRY])
    inbox.leave_to({ANSWER: answer})
    inbox.put([ENTRY])
    inbox.put([])
    assert answer.calls == ["wake", "look"]
    assert [inbox.get(timeout=60) for _ in range(3)] == [[ENTRY], [ENTRY], []]


def test_nobody_waits_at_an_inbox_that_was_left() -> None:
    inbox = EventInbox()
    inbox.leave_to({ANSWER: Answer()})
    with pytest.raises(queue.Empty):
        inbox.get(timeout=60)


def test_where_the_server_cannot_resume_an_answer_its_thread_waits() -> None:
    inbox = EventInbox()
    inbox.leave_to({})
    inbox.put([ENTRY])
    assert inbox.get(timeout=60) == [ENTRY]


def test_a_stream_owes_a_sign_of_life_only_after_a_long_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter((0.0, 1.0, KEEP_ALIVE + 0.5, KEEP_ALIVE + 2, KEEP_ALIVE + 3, 2 * KEEP_ALIVE + 4))
    monkeypatch.setattr(waiting, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    told: list[Any] = list(audible(iter([[ENTRY], [], [], [ENTRY], []])))
    assert told == [[ENTRY], [], None, [ENTRY], None]
