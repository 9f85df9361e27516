"""What the batcher asks of an engine; a new engine is a file in `workers/engines` with a `load` that returns one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Generic, Protocol, TypeVar

import msgspec

from tasks.values.events import Event
from tasks.values.job import Job
from tasks.values.model import Details
from workers.serving.check_deadline import ENDLESS, CheckDeadline

Plan = TypeVar("Plan")


class Unservable(Exception):
    """The model cannot be served as its entry says; the message says why."""


class Prepared(msgspec.Struct, Generic[Plan], frozen=True):
    """A request that the engine will take: what it costs to admit, and the engine's own plan for it.

    `events` are all of it, up to Done, where preparing it was all there is to do; such a request is never admitted.
    """

    prompt_tokens: int
    plan: Plan
    events: tuple[Event, ...] = ()


class Engine(Protocol[Plan]):
    """A model that runs many jobs at once, a bounded step at a time.

    `prepare` may be called from any thread; everything else is called from the one engine thread, which also loaded
    the model. Rows are named by the job's id.
    """

    slots: int
    stall_factor: float = 1.0  # times MLXQ_STALL that a step may go on without a sign of progress
    generated: int = 0  # tokens that it has written since it was loaded

    @property
    def details(self) -> Details:
        """What `GET /v1/models` tells of the loaded model."""
        return Details()

    def has_room(self, prepared: Sequence[Prepared[Plan]]) -> bool:
        """Whether the last of these requests, which will be admitted in this order, finds memory beside the others."""
        return True

    def prepare(self, job: Job, deadline: CheckDeadline = ENDLESS) -> Prepared[Plan]:
        """Tokenise and refuse: raises a `tasks.values.errors.JobError` that says what is wrong with the request.

        What a request can make large is bounded before it is worked on, and `deadline` is looked at between pieces of
        that work and while waiting for others. No lock is held for longer than a step takes.
        """
        ...

    def resumed(self, prepared: Prepared[Plan], earlier: Sequence[Event]) -> Prepared[Plan]:
        """The same request for an engine that can go on where an earlier attempt was broken off.

        `earlier` are the events of that attempt; what it then produces begins with them.
        """
        return prepared

    def admit(self, row: str, prepared: Prepared[Plan]) -> None:
        """Let a row join the running batch before the next step."""
        ...

    def step(self) -> Sequence[tuple[str, Event]]:
        """Do one bounded piece of work and say what came of it, in order; a row's Done or Failed frees it.

        An exception here is the engine's own and ends every admitted row, paused ones too; what is wrong with one row
        only is a Failed event of that row.
        """
        ...

    def warming(self) -> Iterator[None]:
        """Run what its first call makes slow, a piece at a time, while no row is there; rows need not wait for it."""
        return iter(())

    def device_memory(self) -> int:
        """The bytes that the device holds, which change while it works; may be called from any thread."""
        return 0

    def relieve(self) -> None:
        """Drop what is only kept to be faster later: memory is short."""
        return

    def pause(self, row: str) -> bool:
        """Let a row leave the batch until `resume`, keeping what it has said; False where rows are never paused."""
        return False

    def resume(self, row: str) -> None:
        """Let a paused row go on where it stopped, before the next step."""
        return

    def drop(self, row: str) -> None:
        """Forget a row, cancelled or superseded, and free what it held; unknown rows are ignored."""
        ...
