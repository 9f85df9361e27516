"""Running a parser over a text cut in some way, and what came out, held against the rules that every piece obeys."""

from __future__ import annotations

import importlib
import json
import pkgutil
import random
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple

from workers.parsers import tools
from workers.parsers.parser_events import Arguments, Called, ParserEvent, Returned, Text

FORMATS: dict[str, ModuleType] = {
    found.name: importlib.import_module(f"{tools.__name__}.{found.name}")
    for found in pkgutil.iter_modules(tools.__path__)
}


class Call(NamedTuple):
    """A call as it was told."""

    name: str
    id: str
    arguments: str
    returned: bool


class Outcome(NamedTuple):
    """The answer and the calls."""

    content: str
    calls: tuple[Call, ...]


def pieces(form: ModuleType, chunks: Sequence[str], tools: Mapping[str, Mapping[str, Any]]) -> list[ParserEvent]:
    """All that a parser tells of a text that comes in chunks."""
    parser = form.parser(tools)
    told = [piece for chunk in chunks for piece in parser.hear(chunk)]
    told += parser.rest()
    assert not parser.rest(), "nothing is told twice"
    return told


def outcome(form: ModuleType, chunks: Sequence[str], tools: Mapping[str, Mapping[str, Any]]) -> Outcome:
    """What it comes to, after checking the order and the form of the pieces."""
    content: list[str] = []
    calls: list[Call] = []
    for piece in pieces(form, chunks, tools):
        match piece:
            case Text(text):
                assert text
                content.append(text)
            case Called(number, name, id):
                assert number == len(calls)
                assert name
                calls.append(Call(name, id, "", False))
            case Arguments(number, text):
                assert number == len(calls) - 1
                assert text
                assert not calls[-1].returned
                calls[-1] = calls[-1]._replace(arguments=calls[-1].arguments + text)
            case Returned(number):
                assert number == len(calls) - 1
                assert isinstance(json.loads(calls[-1].arguments), dict)
                calls[-1] = calls[-1]._replace(returned=True)
            case _:
                raise AssertionError(piece)
    return Outcome("".join(content), tuple(calls))


def cuts(text: str, seed: str, times: int = 20) -> Iterator[list[str]]:
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
