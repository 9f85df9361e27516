"""Running a parser over a text cut in some way, and what came out, held against the rules that every event obeys."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tests.support.rounds import rounds
from workers.parsers import registry
from workers.parsers.parser_events import Arguments, CallBegun, CallEnded, ParserEvent, Text
from workers.parsers.registry import ToolFormat

FORMATS = registry.formats("tools")


class Call(NamedTuple):
    """A call as its events make it."""

    name: str
    id: str
    arguments: str
    complete: bool


class Outcome(NamedTuple):
    """The answer and the calls."""

    content: str
    calls: tuple[Call, ...]


def emitted(form: ToolFormat, chunks: Sequence[str], tools: Mapping[str, Mapping[str, Any]]) -> list[ParserEvent]:
    """All events of a parser for a text that comes in chunks."""
    parser = form.parser(tools)
    events = [event for chunk in chunks for event in parser.feed(chunk)]
    events += parser.flush()
    assert not parser.flush(), "nothing is emitted twice"
    return events


def outcome(form: ToolFormat, chunks: Sequence[str], tools: Mapping[str, Mapping[str, Any]]) -> Outcome:
    """What it comes to, after checking the order and the form of the events."""
    content: list[str] = []
    calls: list[Call] = []
    for event in emitted(form, chunks, tools):
        match event:
            case Text(text):
                assert text
                content.append(text)
            case CallBegun(number, name, id):
                assert number == len(calls)
                assert name
                calls.append(Call(name, id, "", False))
            case Arguments(number, text):
                assert number == len(calls) - 1
                assert text
                assert not calls[-1].complete
                calls[-1] = calls[-1]._replace(arguments=calls[-1].arguments + text)
            case CallEnded(number):
                assert number == len(calls) - 1
                assert isinstance(json.loads(calls[-1].arguments), dict)
                calls[-1] = calls[-1]._replace(complete=True)
            case _:
                raise AssertionError(event)
    return Outcome("".join(content), tuple(calls))


def cuts(text: str, seed: str, times: int = rounds(4, 20)) -> Iterator[list[str]]:
    """The text whole, in single characters and in random chunks."""
    yield [text]
    yield list(text)
    for time in range(times):
        chance = random.Random(f"{seed}{time}")
        longest = chance.choice((2, 5, 12, 40))
        chunks, at = [], 0
        while at < len(text):
            length = chance.randint(0, longest)
            chunks.append(text[at : at + length])
            at += length
        yield chunks
