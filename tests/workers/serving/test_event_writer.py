"""What an engine did is written down whatever happens, and a row that cannot be written ends alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import current_thread

from tasks.redis.claims import Changes, Claim, Written
from tasks.values import events
from tasks.values.errors import StorageFull
from tasks.values.events import Event
from tests.support.servers import eventually
from tests.workers import running
from tests.workers.engines.rows import chat
from workers.engine import Prepared
from workers.serving.event_writer import ClaimedJob, EventWriter, Step


@dataclass
class Claims(running.Claims):
    """Cannot write what is said by one of the jobs."""

    unwritable: str = ""
    settled: list[tuple[str, events.Terminal]] = field(default_factory=list)
    full: int = 0

    def write(self, changes: Changes, cursor: str) -> Written:
        if self.full:
            self.full -= 1
            raise StorageFull("full")
        if any(line.claim.job.id == self.unwritable for line in changes.published):
            raise TypeError("no bytes for this")
        return super().write(changes, cursor)

    def settle(self, claim: Claim, event: events.Terminal) -> None:
        self.settled.append((claim.job.id, event))


def row() -> ClaimedJob:
    return ClaimedJob(Claim(chat("word"), 1), Prepared(1, "row"))


def alive() -> None:
    return None


def said(*produced: tuple[ClaimedJob, Event]) -> Step:
    return Step(produced=list(produced))


def test_a_row_that_cannot_be_written_fails_and_the_others_go_on() -> None:
    good, bad = row(), row()
    claims = Claims(unwritable=bad.claim.job.id)
    writer = EventWriter(claims)
    for _ in range(2):
        writer.add(said((bad, events.Delta("x")), (good, events.Delta("y"))), alive)
        writer.flush(alive)
    assert claims.words(good.claim.job.id) == [2, 3]
    (job_id, event), *_ = claims.settled
    assert job_id == bad.claim.job.id and isinstance(event, events.Failed) and event.failure.code == "engine_error"
    assert writer.dropped().holds(bad.claim) and writer.alive


def test_a_result_that_cannot_be_made_fails_its_job_alone() -> None:
    good, bad = row(), row()
    bad.events.append(events.Delta(None))  # type: ignore[arg-type]
    claims = Claims()
    writer = EventWriter(claims)
    writer.add(said((bad, events.Done()), (good, events.Done())), alive)
    writer.flush(alive)
    ended = claims.ended()
    assert isinstance(ended[good.claim.job.id], events.Done) and isinstance(ended[bad.claim.job.id], events.Failed)
    assert good.over.is_set() and bad.over.is_set()


def test_a_queue_that_is_full_is_waited_for() -> None:
    one, claims = row(), Claims(full=3)
    writer = EventWriter(claims)
    writer.add(said((one, events.Delta("x"))), alive)
    eventually(lambda: claims.words(one.claim.job.id) == [2])
    assert claims.full == 0


def test_rows_that_begin_are_written_without_the_thread_while_it_has_nothing_to_do() -> None:
    by: list[str] = []

    class Watched(Claims):
        def write(self, changes: Changes, cursor: str) -> Written:
            by.append(current_thread().name)
            return super().write(changes, cursor)

    claims = Watched()
    writer = EventWriter(claims)
    first = row()
    writer.write([first], alive)
    writer.add(said((first, events.Done())), alive)
    writer.flush(alive)
    assert by == [current_thread().name, "event writer"]
    assert [begun.claim.job.id for changes in claims.changes for begun in changes.begun] == [first.claim.job.id]


def test_rows_that_begin_while_the_queue_is_full_are_waited_for() -> None:
    claims = Claims(full=3)
    writer = EventWriter(claims)
    writer.write([row()], alive)
    assert [len(changes.begun) for changes in claims.changes] == [1]


def test_a_first_token_is_written_before_those_of_many_others() -> None:
    claims = Claims()
    writer = EventWriter(claims)
    others, newest = [row() for _ in range(8)], row()
    writer.add(said(*((one, events.Delta("x")) for one in others)), alive)
    writer.flush(alive)
    claims.changes.clear()
    writer.add(said(*((one, events.Delta("y")) for one in (*others, newest)), (newest, events.Done())), alive)
    writer.flush(alive)
    first, then = claims.changes
    assert [part.claim for part in first.published] == [newest.claim] and not first.ended
    assert [part.claim for part in then.published] == [one.claim for one in others]
    assert [part.claim for part in then.ended] == [newest.claim]


def test_what_few_rows_or_new_ones_only_say_is_one_write() -> None:
    claims = Claims()
    writer = EventWriter(claims)
    rows = [row() for _ in range(9)]
    writer.add(said(*((one, events.Delta("x")) for one in rows)), alive)
    writer.flush(alive)
    writer.add(said((rows[0], events.Delta("y")), (row(), events.Delta("x"))), alive)
    writer.flush(alive)
    assert [len(changes.published) for changes in claims.changes] == [9, 2]
