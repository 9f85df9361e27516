"""What engines share whose inputs are computed in any company: those of all jobs that wait, merged by length.

A step is one batch of inputs of like length, bounded by its tokens. Whose turn it is goes round the jobs, so that a
small one never waits for a large one.
"""

from __future__ import annotations

import itertools
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import structlog

from tasks.values import events
from tasks.values.errors import EngineError, Failure
from tasks.values.events import Event
from workers.engine import Engine, Prepared

LOOK_AHEAD = 512  # inputs among which a batch looks for some of like length
TARGET = 0.25  # seconds a batch
LEAST, MOST = 256, 32_768  # tokens a batch, padding included
PASS = 48  # tokens that a pass costs as much as, whatever it holds: a few on a CPU, one or two hundred on a fast GPU
log = structlog.get_logger()


class Inputs(Protocol):
    """A checked request: its inputs, each as long as it has tokens."""

    @property
    def inputs(self) -> Sequence[Sized]: ...


Plan = TypeVar("Plan", bound=Inputs)


@dataclass(eq=False)
class Row(Generic[Plan]):
    """A job under way; `left` are the indices of its inputs that wait, shortest first.

    `known` is what is to be told of the others, which need no pass.
    """

    name: str
    plan: Plan
    known: Mapping[int, Event]
    left: deque[int] = field(init=False)

    def __post_init__(self) -> None:
        inputs = self.plan.inputs
        wait = (index for index in range(len(inputs)) if index not in self.known)
        self.left = deque(sorted(wait, key=lambda index: len(inputs[index])))


@dataclass(frozen=True)
class Input(Generic[Plan]):
    """One input of one job."""

    row: Row[Plan]
    index: int

    @property
    def content(self) -> Any:
        return self.row.plan.inputs[self.index]

    def __len__(self) -> int:
        return len(self.row.plan.inputs[self.index])


class LengthBatchingEngine(Engine[Plan]):
    """An engine whose step is one batch of inputs, by whichever jobs."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._rows: deque[Row[Plan]] = deque()  # whose turn is next stands first
        self._rate = LEAST / TARGET  # tokens a second

    @abstractmethod
    def _compute(self, inputs: Sequence[Any]) -> Any:
        """What the model makes of each of these inputs, in one pass, in their order."""

    @abstractmethod
    def _event(self, one: Input[Plan], value: Any) -> Event:
        """What is told of an input, given what the model made of it."""

    def _known(self, plan: Plan) -> Mapping[int, Event]:
        """What is told of those inputs of a request that need no pass, by their indices."""
        return {}

    def _usage(self, plan: Plan) -> events.Usage:
        """What a request consumes."""
        return events.Usage(prompt_tokens=sum(map(len, plan.inputs)))

    def admit(self, row: str, prepared: Prepared[Plan]) -> None:
        self._rows.append(Row(row, prepared.plan, self._known(prepared.plan)))

    def drop(self, row: str) -> None:
        self._rows = deque(waiting for waiting in self._rows if waiting.name != row)

    def step(self) -> Sequence[tuple[str, Event]]:
        """One batch."""
        batch = self._batch()
        began = time.monotonic()
        try:
            values = self._compute([one.content for one in batch])
        except Exception as error:
            log.exception("a batch failed; its first input is tried alone", inputs=len(batch), error=str(error))
            batch = batch[:1]
            try:
                values = self._compute([batch[0].content])
            except Exception as alone:
                return self._fail(batch[0].row, alone)
        width = max(map(len, batch))
        self._rate += 0.5 * (width * len(batch) / (time.monotonic() - began) - self._rate)
        return self._events(batch, values)

    def _batch(self) -> list[Input[Plan]]:
        """Inputs of like length around one of the job whose turn it is, as many as the bound allows."""
        first = Input(self._rows[0], self._rows[0].left[0])
        queues = [[Input(row, index) for index in itertools.islice(row.left, LOOK_AHEAD)] for row in self._rows]
        turns = (one for turn in itertools.zip_longest(*queues) for one in turn if one is not None)
        near = sorted(itertools.islice(turns, LOOK_AHEAD), key=len)
        at = next(at for at, one in enumerate(near) if one.row is first.row and one.index == first.index)
        low, high = _together([len(one) for one in near], at, max(LEAST, min(MOST, int(self._rate * TARGET))))
        self._rows.rotate(-1)
        return near[low : high + 1]

    def _events(self, batch: Sequence[Input[Plan]], values: Any) -> list[tuple[str, Event]]:
        happened: list[tuple[str, Event]] = []
        for one, value in zip(batch, values, strict=True):
            one.row.left.remove(one.index)
            happened.append((one.row.name, self._event(one, value)))
        for row in {id(one.row): one.row for one in batch}.values():
            happened += [(row.name, event) for event in row.known.values()]
            row.known = {}
            total = len(row.plan.inputs)
            if row.left:
                happened.append((row.name, events.Progress(total - len(row.left), total)))
            else:
                self._rows.remove(row)
                happened.append((row.name, events.Done(self._usage(row.plan))))
        return happened

    def _fail(self, row: Row[Plan], error: Exception) -> list[tuple[str, Event]]:
        self._rows.remove(row)
        message = f"the model failed on one of the inputs: {type(error).__name__}: {error}"
        return [(row.name, events.Failed(Failure(EngineError.code, message)))]


def _together(lengths: Sequence[int], at: int, most: int) -> tuple[int, int]:
    """First and last of the inputs that go with the one `at`, out of rising lengths.

    Each is padded to the longest of them: to at most `most` tokens altogether, of which padding costs less than
    another pass would.
    """
    low = high = at
    used = lengths[at]
    while True:
        padding: dict[int, int] = {}
        for more in (high + 1, low - 1):
            if 0 <= more < len(lengths):
                size = (high - low + 2) * max(lengths[high], lengths[more])
                if size <= most and size - used - lengths[more] <= PASS:
                    padding[more] = size - used - lengths[more]
        if not padding:
            return low, high
        chosen = min(padding, key=padding.__getitem__)
        low, high, used = min(low, chosen), max(high, chosen), used + lengths[chosen]
