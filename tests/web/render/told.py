"""What engines may tell of a text, and the chunks it makes."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec
from hypothesis import strategies as st

from tasks.values import events
from tasks.values.events import CallDelta, Delta, Event, TokenLogprob


def token(text: str, logprob: float | None = -0.5, offset: int = 0, *top: TokenLogprob) -> TokenLogprob:
    return TokenLogprob(text, base64.b64encode(text.encode()).decode(), logprob, offset, top)


PLAIN = st.builds(token, st.text(max_size=3), st.floats(-50, 0), st.integers(0, 9))
TOKENS = st.builds(lambda one, top: msgspec.structs.replace(one, top=tuple(top)), PLAIN, st.lists(PLAIN, max_size=2))
DELTA = st.builds(
    lambda text, index, logprobs: Delta(text, index, None, tuple(logprobs)),
    st.text(max_size=5),
    st.integers(0, 2),
    st.lists(TOKENS, max_size=2),
)
DELTAS = st.lists(DELTA, max_size=8)


class Step(NamedTuple):
    """What is told at once; of its pieces a pair begins a call (id, name), a number and a text go on with one."""

    delta: Delta
    reasoning: str
    pieces: list[tuple[str, str] | tuple[int, str]]


def _deltas(steps: list[Step]) -> list[Delta]:
    begun: Counter[int] = Counter()
    found = []
    for delta, reasoning, pieces in steps:
        calls = []
        for first, second in pieces:
            if isinstance(first, str):
                calls.append(CallDelta(begun[delta.index], first, second))
                begun[delta.index] += 1
            elif begun[delta.index]:
                calls.append(CallDelta(first % begun[delta.index], arguments=second))
        found.append(msgspec.structs.replace(delta, reasoning=reasoning, calls=tuple(calls)))
    return found


WORDS = st.text(min_size=1, max_size=3)
PIECES = st.lists(st.tuples(WORDS, WORDS) | st.tuples(st.integers(0, 5), st.text(max_size=4)), max_size=3)
STEPS = st.builds(Step, DELTA, st.text(max_size=3), PIECES)
TOLD = st.lists(STEPS, max_size=8).map(_deltas)  # with reasoning and calls too
REASONS = st.lists(st.sampled_from(["stop", "length"]), min_size=3, max_size=3)
USAGE = events.Usage(3, 8, 1, reasoning_tokens=2)


def answered(deltas: list[Delta], reasons: list[Any]) -> list[Event]:
    """The events of a job with three answers."""
    ends = [Delta("", index, reason) for index, reason in enumerate(reasons)]
    return [events.Started(1, 3), *deltas, *ends, events.Done(USAGE)]


def chunks(render: Callable[[Event], Iterator[object]], told: list[Event]) -> list[dict[str, Any]]:
    """A stream's chunks as a client decodes them."""
    return [msgspec.json.decode(msgspec.json.encode(chunk)) for event in told for chunk in render(event)]
