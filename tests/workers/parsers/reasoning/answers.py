"""Reading a text whole, by character and in random pieces."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator

from workers.parsers.parser_events import Arguments, Parser, ParserEvent, Text, Thought


def read(parser: Parser, pieces: Iterable[str]) -> list[ParserEvent]:
    """What comes of a text in these pieces, neighbours of a kind joined."""
    joined: list[ParserEvent] = []
    for piece in (*(one for text in pieces for one in parser.feed(text)), *parser.flush()):
        last = joined[-1] if joined else None
        grows = isinstance(piece, Text | Thought | Arguments) and isinstance(last, type(piece))
        if grows and getattr(piece, "number", 0) == getattr(last, "number", 0):
            joined[-1] = piece._replace(text=last.text + piece.text)  # type: ignore[union-attr, call-arg]
        else:
            joined.append(piece)
    return joined


def cuts(text: str) -> Iterator[list[str]]:
    """A text whole, in single characters, and in twenty random ways that are the same every time."""
    yield [text]
    yield list(text)
    for seed in range(20):
        yield cut(text, random.Random(seed))


def cut(text: str, chance: random.Random) -> list[str]:
    """A text in random pieces, some of them empty."""
    places = sorted(chance.choices(range(len(text) + 1), k=chance.randint(1, 8)))
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


def agreed(parser: Callable[[], Parser], text: str) -> list[ParserEvent]:
    """What comes of a text, however it is cut."""
    first, *others = (read(parser(), pieces) for pieces in cuts(text))
    assert all(other == first for other in others)
    return first
