"""Whether a grammar or a JSON schema has an end: whether anything finite satisfies it.

Both are read as rules that need other rules, one of several alternatives each. What has an end is found from those that
need nothing upwards (Dowling and Gallier 1984), in a time that grows with the number of needs. What is not understood
is taken to have an end, so that nothing is refused by mistake.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from workers.parsers.schema_types import referred

MAX_RULES = 1000  # of a grammar; longer chains of them take the compiler minutes

Needs: TypeAlias = Mapping[Hashable, Sequence[Sequence[Hashable]]]  # of a rule, in each of its alternatives

_PRIMITIVES = frozenset(("string", "number", "integer", "boolean", "null"))
_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|\#[^\n]*)
    |(?P<leaf>"(?:\\.|[^"\\])*"i?|/(?![/*])(?:\\.|[^/\\])+/[a-z]*|<[^<>\s]*>|@\w+)
    |(?P<json>%(?:json|regex)\s*(?=\{))
    |(?P<directive>%(?:import|ignore|llguidance)[^\n]*)
    |(?P<head>[!?]?(?P<rule>[A-Za-z_][\w-]*)(?:\.-?\d+)?(?:\s*\[[^\]\n]{0,200}\])?\s*:)
    |(?P<name>[A-Za-z_][\w-]*)
    |(?P<range>\{\s*(?P<least>\d*)\s*(?:,\s*\d*\s*)?\}|~\s*(?P<fewest>\d+)(?:\s*\.\.\s*\d+)?)
    |(?P<sign>->|[|()\[\]?*+&~])""",
    re.VERBOSE,
)


class Unread(Exception):
    """The text is not of the form that is read here."""


class TooManyRules(Exception):
    """The grammar has more rules than are compiled."""


def grammar(source: str) -> bool:
    """Whether some finite text satisfies a Lark grammar as llguidance writes them; raises TooManyRules."""
    try:
        needs = dict(_Reader(source).rules())
    except (Unread, RecursionError):
        return True
    return "start" not in needs or "start" in _ending(needs)


def schema(root: Any) -> bool:
    """Whether some finite value satisfies a JSON schema, as far as `$ref`s and what is required say."""
    return not isinstance(root, Mapping) or id(root) in _ending(dict(_schema_needs(root)))


def _ending(needs: Needs) -> set[Hashable]:
    """The rules that have an end; a rule that no entry tells of has one."""
    ended: set[Hashable] = set()
    waiting: dict[Hashable, list[tuple[Hashable, list[int]]]] = defaultdict(list)  # alternatives that need a rule
    ready: list[Hashable] = []
    for rule, alternatives in needs.items():
        for alternative in alternatives:
            missing = {needed for needed in alternative if needed in needs}
            left = [len(missing)]
            for needed in missing:
                waiting[needed].append((rule, left))
            if not missing:
                ready.append(rule)
    while ready:
        rule = ready.pop()
        if rule in ended:
            continue
        ended.add(rule)
        for other, left in waiting[rule]:
            left[0] -= 1
            if not left[0]:
                ready.append(other)
    return ended


def _schema_needs(root: Mapping[str, Any]) -> Iterator[tuple[Hashable, Sequence[Sequence[Hashable]]]]:
    """Every part of a schema by its identity, and its choices and its shape as rules of their own."""
    seen, left = {id(root)}, [root]
    while left:
        part = left.pop()
        needs: list[Hashable] = [id(one) for one in _all_of(part, root)]
        parts = list(_all_of(part, root))
        for key in ("anyOf", "oneOf"):
            if isinstance(choices := part.get(key), list) and choices:
                needs.append((key, id(part)))
                yield (key, id(part)), [[id(one)] if isinstance(one, Mapping) else [] for one in choices]
                parts += [one for one in choices if isinstance(one, Mapping)]
        shapes = list(_shapes(part))
        if shapes:
            needs.append(("shape", id(part)))
            yield ("shape", id(part)), [[id(one) for one in shape] for shape in shapes]
            parts += [one for shape in shapes for one in shape]
        yield id(part), [needs]
        left += [one for one in parts if id(one) not in seen]
        seen |= {id(one) for one in parts}


def _all_of(part: Mapping[str, Any], root: Any) -> Iterator[Mapping[str, Any]]:
    given = part.get("allOf")
    for one in given if isinstance(given, list) else ():
        if isinstance(one, Mapping):
            yield one
    if isinstance(reference := part.get("$ref"), str) and isinstance(named := referred(reference, root), Mapping):
        yield named


def _shapes(part: Mapping[str, Any]) -> Iterator[list[Mapping[str, Any]]]:
    """What an object and an array of this schema cannot be without; nothing where it may be something simpler."""
    named = part.get("type")
    kinds = {named} if isinstance(named, str) else set(map(str, named)) if isinstance(named, list) else _PRIMITIVES
    if kinds & _PRIMITIVES or "enum" in part or "const" in part:
        return
    if "object" in kinds:
        properties, required = part.get("properties"), part.get("required")
        known = properties if isinstance(properties, Mapping) else {}
        names = required if isinstance(required, list) else []
        yield [known[name] for name in names if isinstance(name, str) and isinstance(known.get(name), Mapping)]
    if "array" in kinds:
        least, first, rest = part.get("minItems", 0), part.get("prefixItems", []), part.get("items")
        least = int(least) if isinstance(least, int | float) else 0
        begins = first[:least] if isinstance(first, list) else []
        further = [rest] if least > len(begins) else []
        yield [one for one in [*begins, *further] if isinstance(one, Mapping)]


class _Word(NamedTuple):
    kind: str
    text: str
    optional: bool = False


class _Reader:
    """Reads a Lark grammar, as far as its rules need each other."""

    def __init__(self, source: str) -> None:
        self._words, self._at, self._inner = list(_words(source)), 0, 0
        self._rules: dict[Hashable, list[list[Hashable]]] = {}

    def rules(self) -> dict[Hashable, list[list[Hashable]]]:
        """Every rule's alternatives, by its name; those in brackets have numbers for names."""
        while self._at < len(self._words):
            head = self._next()
            if head.kind != "head":
                raise Unread
            if len(self._rules) - self._inner > MAX_RULES:
                raise TooManyRules
            self._rules[head.text] = self._alternatives()
        return self._rules

    def _next(self) -> _Word:
        if self._at >= len(self._words):
            raise Unread
        self._at += 1
        return self._words[self._at - 1]

    def _peek(self) -> _Word:
        return self._words[self._at] if self._at < len(self._words) else _Word("end", "")

    def _alternatives(self) -> list[list[Hashable]]:
        alternatives: list[list[Hashable]] = [[]]
        while True:
            word = self._peek()
            if word.kind in ("end", "head") or word.text in (")", "]"):
                return alternatives
            self._at += 1
            if word.text == "|":
                alternatives.append([])
            elif word.text == "->":
                self._next()
            elif word.text == "~":  # whatever is not that
                self._item(self._next())
            elif word.text != "&":
                alternatives[-1] += self._item(word)

    def _item(self, word: _Word) -> list[Hashable]:
        needed: list[Hashable] = []
        if word.text in ("(", "["):
            inner, self._inner = self._inner, self._inner + 1
            self._rules[inner] = []
            self._rules[inner] = self._alternatives()
            if self._next().text != (")" if word.text == "(" else "]"):
                raise Unread
            needed = [inner] if word.text == "(" else []
        elif word.kind == "name":
            needed = [word.text]
        elif word.kind not in ("leaf", "json"):
            raise Unread
        while (mark := self._peek()).text in ("?", "*", "+") or mark.kind == "range":
            self._at += 1
            if mark.text in ("?", "*") or mark.optional:
                needed = []
        return needed


def _words(source: str) -> Iterator[_Word]:
    at = 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None or match.lastgroup is None:
            raise Unread
        at = match.end()
        kind = next(
            name for name in ("space", "leaf", "json", "directive", "head", "name", "range", "sign") if match[name]
        )
        if kind == "json":
            try:
                _, at = json.JSONDecoder().raw_decode(source, at)
            except ValueError:
                raise Unread from None
        if kind in ("space", "directive"):
            continue
        least = match["least"] if match["least"] is not None else match["fewest"]
        yield _Word(kind, match["rule"] or match[0], kind == "range" and not int(least or 0))
