"""What engines may tell of a text, and the chunks it makes."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from hypothesis import strategies as st

from tasks import events
from tasks.events import Delta, Event, TokenLogprob


def token(text: str, logprob: float | None = -0.5, offset: int = 0, *top: TokenLogprob) -> TokenLogprob:
    return TokenLogprob(text, base64.b64encode(text.encode()).decode(), logprob, offset, top)


PLAIN = st.builds(token, st.text(max_size=3), st.floats(-50, 0), st.integers(0, 9))
TOKENS = st.builds(lambda one, top: msgspec.structs.replace(one, top=tuple(top)), PLAIN, st.lists(PLAIN, max_size=2))
DELTAS = st.lists(
    st.builds(
        lambda text, index, logprobs: Delta(text, index, None, tuple(logprobs)),
        st.text(max_size=5),
        st.integers(0, 2),
        st.lists(TOKENS, max_size=2),
    ),
    max_size=8,
)
REASONS = st.lists(st.sampled_from(["stop", "length"]), min_size=3, max_size=3)
USAGE = events.Usage(3, 8, 1)


def answered(deltas: list[Delta], reasons: list[Any]) -> list[Event]:
    """The events of a job with three answers."""
    ends = [Delta("", index, reason) for index, reason in enumerate(reasons)]
    return [events.Started(1, 3), *deltas, *ends, events.Done(USAGE)]


def chunks(render: Callable[[Event], Iterator[object]], told: list[Event]) -> list[dict[str, Any]]:
    """A stream's chunks as a client decodes them."""
    return [msgspec.json.decode(msgspec.json.encode(chunk)) for event in told for chunk in render(event)]
