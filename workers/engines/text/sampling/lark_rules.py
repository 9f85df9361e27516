"""The rules of a Lark grammar as llguidance reads them, made of the parts that an answer may consist of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tasks.values.errors import InvalidValue
from workers.parsers.grammar_parts import Either, Free, GrammarPart, Lark, Maybe, Value

_LARGEST = 1 << 20  # characters of a grammar, with a schema's definitions for each of a call's properties
# A space, or a new line with its indentation: enough for every usual way to write JSON, and a model that is lost in
# white space finds its way out.
_WHITE_SPACE = r"( |\n {0,24})?"


class LarkRules:
    """A Lark grammar in the making; `special` tokens, by their texts, stand only as the tokens they are.

    One that grows too large raises InvalidValue of `param`.
    """

    def __init__(self, special: Mapping[str, int], param: str) -> None:
        self._special, self._param, self._rules, self._size = special, param, list[str](), 0
        longest_first = sorted(special, key=len, reverse=True)
        self._marks = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def rule(self, body: str, attributes: str = "") -> str:
        """Add a rule, and give its name."""
        self._size += len(body)
        if self._size > _LARGEST:
            message = (
                f"'{self._param}' cannot be enforced: its grammar has more than {_LARGEST} characters; make it simpler"
            )
            raise InvalidValue(message, param=self._param)
        name = f"r{len(self._rules)}"
        self._rules.append(f"{name}{attributes}: {body}")
        return name

    def anything(self) -> str:
        """The name of a terminal that is any text."""
        self._rules.append("ANYTHING: /(?s:.*)/")
        return "ANYTHING"

    def sequence(self, parts: Sequence[GrammarPart], lenient: bool = False) -> str:
        """An expression for these parts, one after the other."""
        return " ".join(word for part in parts for word in self._words(part, lenient)) or '""'

    def grammar(self, prelude: Sequence[GrammarPart], body: str) -> str:
        """The whole grammar; between thinking and what follows it there may be white space."""
        return "\n".join([f"start: {self._prelude(prelude)} {body}", *self._rules])

    def _prelude(self, parts: Sequence[GrammarPart]) -> str:
        if not parts:
            return ""
        *first, last = parts
        before = self.sequence(first) if first else ""
        if isinstance(last, Maybe):
            return f"{before} ({self._prelude(last.parts)})?"
        space = " /[ \\n]{0,4}/" if isinstance(last, Free) else ""
        return f"{before} {self.sequence([last])}{space}"

    def _words(self, part: GrammarPart, lenient: bool) -> Sequence[str]:
        if isinstance(part, str):
            return [*self._literal(part)]
        if isinstance(part, Value):
            return [self.rule(json_rule(part.schema, lenient))]
        if isinstance(part, Lark):
            return [self.rule(lark_rule(part.grammar))]
        if isinstance(part, Either):
            return ["(" + " | ".join(self.sequence([text]) for text in part.texts) + ")"]
        if isinstance(part, Maybe):
            return [f"({self.sequence(part.parts, lenient)})?"]
        return self._free(part)

    def _literal(self, text: str) -> Iterable[str]:
        at = 0
        for mark in self._marks.finditer(text):
            if mark.start() > at:
                yield json.dumps(text[at : mark.start()])
            yield f"<[{self._special[mark[0]]}]>"
            at = mark.end()
        if text[at:]:
            yield json.dumps(text[at:])

    def _free(self, free: Free) -> Sequence[str]:
        mark = self._marks.search(free.end)
        end = _escaped(free.end if mark is None else free.end[: mark.start()])
        any_ = f"/(?s:.{{{free.least},{'' if free.most is None else free.most}}}){end}/"
        terminal = f"T{len(self._rules)}"
        self._rules.append(f"{terminal}: {any_}" + (f" & /{delimited(free.pattern)}{end}/" if free.pattern else ""))
        if mark is None:
            return [self.rule(terminal, "[lazy]")]
        # No regular expression matches a special token, so the text ends where it stands.
        return [self.rule(terminal), *self._literal(free.end[mark.start() :])]


def json_rule(schema: Mapping[str, Any] | bool, lenient: bool = False) -> str:
    """A rule's body for a JSON value of this schema."""
    given = schema if isinstance(schema, Mapping) else {}
    return f"%json {json.dumps({**given, 'x-guidance': {'whitespace_pattern': _WHITE_SPACE, 'lenient': lenient}})}"


def lark_rule(grammar: str) -> str:
    """A Lark grammar as a rule's body."""
    return f"%lark {{\n{grammar}\n}}"


def delimited(regex: str) -> str:
    """A regular expression as it stands between slashes."""
    pieces = re.findall(r"\\.|.", regex, re.DOTALL)
    return "".join({"/": r"\/", "\n": r"\n"}.get(piece, piece) for piece in pieces)


def _escaped(text: str) -> str:
    """A text as a regular expression that stands between slashes."""
    return "".join(
        r"\n" if char == "\n" else char if char.isalnum() or char in "<>_ " or ord(char) > 127 else f"\\{char}"
        for char in text
    )
