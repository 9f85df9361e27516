"""An answer that is, as a whole, the text which one tool is given: a grammar has bound it to what that tool takes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from workers.parsers.parser_events import Arguments, Called, Parser, ParserEvent, Returned, Text

INPUT = "input"  # the tool's only argument


class InputCall:
    """Makes a call of what another parser finds to be text; thinking stays what it is."""

    def __init__(self, reader: Parser, name: str) -> None:
        self._reader, self._name, self._begun = reader, name, False

    def hear(self, text: str) -> Sequence[ParserEvent]:
        """Take more text."""
        return list(self._read(self._reader.hear(text)))

    def rest(self) -> Sequence[ParserEvent]:
        """What was held back, and the end of the call."""
        return [*self._read([*self._reader.rest(), Text("")]), Arguments(0, '"}'), Returned(0)]

    def _read(self, pieces: Iterable[ParserEvent]) -> Iterator[ParserEvent]:
        for piece in pieces:
            if not isinstance(piece, Text):
                yield piece
                continue
            if not self._begun:
                self._begun = True
                yield Called(0, self._name)
                yield Arguments(0, f'{{"{INPUT}": "')
            if piece.text:
                yield Arguments(0, json.dumps(piece.text, ensure_ascii=False)[1:-1])
