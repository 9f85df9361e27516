"""A result that remembers how it was told tells the same deltas again."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tasks.values import events, replay, results
from tasks.values.events import CallDelta, Delta, TokenLogprob
from tasks.values.messages import Message
from tasks.values.requests import ChatRequest

CHAT = ChatRequest((Message("user", "hi"),))
TEXTS = st.sampled_from(("", "a", "bé", "\N{GRINNING FACE}c"))
CALLS = st.lists(st.sampled_from(("begin", "", "{", '"a"}')), max_size=3)
STEPS = st.lists(st.tuples(TEXTS, TEXTS, st.integers(0, 2), CALLS), max_size=10)


def told(steps: list[tuple[str, str, int, list[str]]]) -> list[Delta]:
    """Deltas of one answer, whose calls are numbered as they come."""
    found, begun = [], 0
    for text, reasoning, tokens, pieces in steps:
        calls = []
        for piece in pieces:
            if piece == "begin":
                calls.append(CallDelta(begun, f"call_{begun}", "look"))
                begun += 1
            elif begun:
                calls.append(CallDelta(begun - 1, arguments=piece))
        found.append(Delta(text, 0, None, (TokenLogprob("a", "YQ==", -1.0),) * tokens, reasoning, tuple(calls)))
    return [*found, Delta("", finish_reason="length")]


@given(STEPS)
def test_what_is_to_be_told_again_is_told_as_it_was(steps: list[tuple[str, str, int, list[str]]]) -> None:
    heard = told(steps)
    payload = msgspec.structs.replace(CHAT, replay=True)
    result = results.decode(results.encode(results.fold(payload, [events.Started(1), *heard, events.Done()])))
    assert isinstance(result, results.TextResult)
    assert list(replay.deltas(result.choices[0], 0)) == heard


@given(STEPS)
def test_other_results_do_not_remember_and_are_told_in_few(steps: list[tuple[str, str, int, list[str]]]) -> None:
    result = results.fold(CHAT, [*told(steps), events.Done()])
    assert isinstance(result, results.TextResult) and result.choices[0].cuts == ()
    again = list(replay.deltas(result.choices[0], 0))
    assert len(again) <= len(steps) + 1 and results.fold(CHAT, [*again, events.Done()]) == result
