"""An answer that is, as a whole, the text which one tool is given: a grammar has bound it to what that tool takes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from workers.parsers.parser_events import Arguments, CallBegun, CallEnded, Parser, ParserEvent, Text

INPUT = "input"  # the tool's only argument


class InputCall:
    """Makes a call of what another parser finds to be text; thinking stays what it is."""

    def __init__(self, parser: Parser, name: str) -> None:
        self._parser, self._name, self._begun = parser, name, False

    def feed(self, text: str) -> Sequence[ParserEvent]:
        """Take more text."""
        return list(self._read(self._parser.feed(text)))

    def flush(self) -> Sequence[ParserEvent]:
        """What was held back, and the end of the call."""
        return [*self._read([*self._parser.flush(), Text("")]), Arguments(0, '"}'), CallEnded(0)]

    def _read(self, events: Iterable[ParserEvent]) -> Iterator[ParserEvent]:
        for event in events:
            if not isinstance(event, Text):
                yield event
                continue
            if not self._begun:
                self._begun = True
                yield CallBegun(0, self._name)
                yield Arguments(0, f'{{"{INPUT}": "')
            if event.text:
                yield Arguments(0, json.dumps(event.text, ensure_ascii=False)[1:-1])
