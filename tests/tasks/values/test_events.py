"""What was not read at once is read together, and says the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tasks.values import events, results
from tasks.values.events import CallDelta, Delta, Event, Progress, Started, TokenLogprob
from tasks.values.messages import Message
from tasks.values.requests import ChatRequest

CHAT = ChatRequest((Message("user", "hi"),))
texts = st.sampled_from(("", "a", "b c"))
deltas = st.builds(
    Delta,
    texts,
    st.integers(0, 2),
    st.sampled_from((None, None, None, "stop")),
    st.sampled_from(((), (TokenLogprob("a", "YQ==", -1.0),))),
    texts,
    st.sampled_from(((), (), (CallDelta(0, "call_0", "f"),), (CallDelta(0, arguments="{}"),))),
)
told = st.lists(st.one_of(deltas, st.just(Progress(1, 2)), st.just(Started(2))), max_size=20)


def said(found: list[Event]) -> dict[int, list[tuple[str, object]]]:
    """What is said in each choice since its last beginning, in the order in which a stream shows it."""
    choices: dict[int, list[tuple[str, object]]] = {}
    for event in found:
        if isinstance(event, Started):
            choices = {}
        elif isinstance(event, Delta):
            into = choices.setdefault(event.index, [])
            into += [("thought", letter) for letter in event.reasoning]
            into += [("text", letter) for letter in event.text]
            into += [("call", call) for call in event.calls]
            into += [("end", event.finish_reason)] if event.finish_reason else []
    return choices


@given(told)
def test_joined_deltas_say_the_same_in_the_same_order(found: list[Event]) -> None:
    together = events.joined(found)
    assert said(together) == said(found)
    done = [events.Done()]
    assert results.fold(CHAT, [*together, *done]) == results.fold(CHAT, [*found, *done])


@given(told)
def test_nothing_can_be_joined_twice(found: list[Event]) -> None:
    assert events.joined(events.joined(found)) == events.joined(found)


def test_words_that_follow_each_other_are_one_delta_a_choice() -> None:
    found: list[Event] = [Delta(text, index) for text in "abc" for index in (0, 1)]
    assert events.joined([*found, Delta("", 0, "stop")]) == [Delta("abc", 0, "stop"), Delta("abc", 1)]
