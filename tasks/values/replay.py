"""From a result back to the deltas that it was folded from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

import msgspec

from tasks.values.events import CallDelta, Delta, TokenLogprob
from tasks.values.messages import ToolCall
from tasks.values.results import Choice, Cut, Text, Thinking

T = TypeVar("T", str, tuple[TokenLogprob, ...])


def deltas(choice: Choice, index: int) -> Iterator[Delta]:
    """The deltas that a choice with `cuts` was folded from, otherwise as few deltas as give the same choice."""
    return _cut_again(choice, index) if choice.cuts else _fewest(choice, index)


def _fewest(choice: Choice, index: int) -> Iterator[Delta]:
    again, last, number = [Delta("", index, logprobs=choice.logprobs)], -1, 0
    for piece in choice.pieces():
        place = (Thinking, Text, ToolCall).index(type(piece))
        if place < last:
            again.append(Delta("", index))
        last = place
        if isinstance(piece, ToolCall):
            call = CallDelta(number, piece.id, piece.name, piece.arguments)
            again[-1] = msgspec.structs.replace(again[-1], calls=(*again[-1].calls, call))
            number += 1
        else:
            name = "text" if isinstance(piece, Text) else "reasoning"
            again[-1] = msgspec.structs.replace(again[-1], **{name: piece.text})
    yield from again[:-1]
    yield msgspec.structs.replace(again[-1], finish_reason=choice.finish_reason, stop=choice.stop)


def _cut_again(choice: Choice, index: int) -> Iterator[Delta]:
    text, reasoning, logprobs = _Rest(choice.text), _Rest(choice.reasoning), _Rest(choice.logprobs)
    parts = [(_Rest(call.id), _Rest(call.name), _Rest(call.arguments)) for call in choice.calls]
    for at, held in enumerate(choice.cuts, 1):
        cut = held if isinstance(held, Cut) else Cut(max(held, 0), max(-held, 0))
        yield Delta(
            text.take(cut.text),
            index,
            choice.finish_reason if at == len(choice.cuts) else None,
            logprobs.take(cut.logprobs),
            reasoning.take(cut.reasoning),
            tuple(
                CallDelta(number, *(part.take(count) for part, count in zip(parts[number], counts, strict=True)))
                for number, *counts in cut.calls
            ),
            stop=choice.stop if at == len(choice.cuts) else None,
        )


class _Rest(Generic[T]):
    """What is left of a sequence that is taken piece by piece."""

    def __init__(self, whole: T) -> None:
        self._whole: T = whole
        self._at = 0

    def take(self, count: int) -> T:
        """The next `count` of it."""
        begin, self._at = self._at, self._at + count
        taken: T = self._whole[begin : self._at]
        return taken
