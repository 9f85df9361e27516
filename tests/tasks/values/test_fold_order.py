"""A result remembers in which order its answer came, and can be told again in as few deltas as that takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.values import events, replay, results
from tasks.values.events import CallDelta, Delta, Event
from tasks.values.messages import Message, ToolCall
from tasks.values.requests import ChatRequest
from tasks.values.results import Choice, Part, Text, Thinking

CHAT = ChatRequest((Message("user", "hi"),))
F, G = ToolCall("call_0", "f", "{}"), ToolCall("call_1", "g", "{}")


def folded(*deltas: Delta) -> Choice:
    result = results.fold(CHAT, [events.Started(1), *deltas, events.Done()])
    assert isinstance(result, results.TextResult)
    return result.choices[0]


def called(call: ToolCall, number: int) -> tuple[CallDelta, CallDelta]:
    return CallDelta(number, call.id, call.name), CallDelta(number, arguments=call.arguments)


@pytest.mark.parametrize(
    ("deltas", "pieces", "parts"),
    [
        ([], [], ()),
        ([Delta("a"), Delta("b")], [Text("ab")], ()),
        ([Delta("", reasoning="hm"), Delta("a"), Delta("", calls=called(F, 0))], [Thinking("hm"), Text("a"), F], ()),
        ([Delta("a", reasoning="hm", calls=called(F, 0))], [Thinking("hm"), Text("a"), F], ()),
        ([Delta("", calls=called(F, 0)), Delta("", calls=called(G, 1))], [F, G], ()),
        ([Delta("a"), Delta("", reasoning="hm")], [Text("a"), Thinking("hm")], (Part("text", 1), Part("reasoning", 2))),
        (
            [Delta("a", calls=called(F, 0)), Delta("b", calls=called(G, 1)), Delta("c")],
            [Text("a"), F, Text("b"), G, Text("c")],
            (Part("text", 1), Part("calls", 1), Part("text", 1), Part("calls", 1), Part("text", 1)),
        ),
    ],
)
def test_the_order_of_an_answer_is_kept_where_it_is_not_the_usual_one(
    deltas: list[Delta], pieces: list[object], parts: tuple[Part, ...]
) -> None:
    choice = folded(*deltas)
    assert (list(choice.pieces()), choice.parts) == (pieces, parts)


def test_what_an_earlier_version_stored_is_in_the_usual_order() -> None:
    assert list(Choice("a", reasoning="hm", calls=(F,)).pieces()) == [Thinking("hm"), Text("a"), F]


def test_the_stop_string_that_ended_an_answer_is_named() -> None:
    assert folded(Delta("a"), Delta("", finish_reason="stop", stop="END")).stop == "END"
    assert folded(Delta("a"), Delta("", finish_reason="stop")).stop is None


WORDS = st.text(max_size=3)
STEPS = st.lists(st.tuples(WORDS, WORDS, st.booleans()), max_size=8)


@given(STEPS)
def test_a_choice_that_is_told_again_folds_to_itself(steps: list[tuple[str, str, bool]]) -> None:
    number, told = 0, list[Event]()
    for text, reasoning, calls in steps:
        told.append(Delta(text, reasoning=reasoning, calls=called(F, number) if calls else ()))
        number += calls
    choice = folded(*told, Delta("", finish_reason="length", stop="END"))  # type: ignore[arg-type]
    again = list(replay.deltas(choice, 0))
    assert folded(*again) == choice and len(again) <= len(told) + 1
