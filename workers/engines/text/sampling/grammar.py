"""What answers must look like, as grammars of llguidance: compiled once each, away from the decode loop."""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from llguidance import LLMatcher
from llguidance.hf import from_tokenizer

from tasks.values.errors import InvalidValue
from tasks.values.requests import Constraint
from workers.engines.text.output import ends
from workers.engines.text.requester import ANYBODY, Requester
from workers.engines.text.sampling.compiling import compiled
from workers.engines.text.sampling.guide import Guide
from workers.parsers.grammar_parts import Either, Free, GrammarPart, Lark, Maybe, Value

_KEPT = 256  # compiled grammars
_LARGEST = 1 << 20  # characters of a grammar, with a schema's definitions for each of a call's properties
_DEEPEST = 64  # levels of a schema
# A space, or a new line with its indentation: enough for every usual way to write JSON, and a model that is lost in
# white space finds its way out.
_WHITE_SPACE = r"( |\n {0,24})?"


# What llguidance reports of what is beyond its limits.
_TOO_COMPLEX = ("lexer error", "lexer precomputation", "too big", "too large", "too many", "too complex")


class Layout(NamedTuple):
    """How a call is written; of a lenient one's schemas, what cannot be enforced is left to the model."""

    parts: Sequence[GrammarPart]
    lenient: bool


class Grammars:
    """Compiles grammars for one model's tokens; any thread may ask. `ends` are the tokens that end an answer."""

    def __init__(self, tokenizer: Any, vocabulary: int, ends: Iterable[int]) -> None:
        self._tokenizer, self._vocabulary, self._ends = tokenizer, vocabulary, sorted(ends)
        self._kept: OrderedDict[tuple[str, str], LLMatcher] = OrderedDict()
        self._one_at_a_time = threading.Lock()

    @cached_property
    def _tokens(self) -> Any:
        tokenizer = self._tokenizer
        return from_tokenizer(tokenizer, n_vocab=max(self._vocabulary, len(tokenizer)), eos_token=self._ends)

    @cached_property
    def _special(self) -> Mapping[str, int]:
        added = {str(token): number for number, token in self._tokenizer.added_tokens_decoder.items()}
        return {text: number for text, number in added.items() if self._tokens.is_special_token(number)}

    def warm_up(self) -> None:
        """Read the vocabulary, which takes up to a second and waits for the first who needs it otherwise."""
        _ = self._special

    def answer(self, constraint: Constraint, prelude: Sequence[GrammarPart], requester: Requester = ANYBODY) -> Guide:
        """A guide to answers that hold to a constraint, after their prelude; raises InvalidValue or JobCancelled."""
        self.check(constraint, requester)
        rules = Rules(self._special, constraint.param)
        body = rules.rule(_answer(constraint))
        return self._guide(rules.grammar(prelude, body), constraint.param, requester)

    def calls(
        self,
        layouts: Sequence[Layout],
        frame: tuple[str, str, str],
        most: int,
        prelude: Sequence[GrammarPart],
        param: str,
        requester: Requester = ANYBODY,
        *,
        marker: str | None = None,
    ) -> Guide:
        """A guide to answers of one to `most` calls, each in one of these layouts; raises InvalidValue or JobCancelled.

        `frame` is what stands before the calls, between them and after them. With a `marker`, with which that begins,
        an answer may be any text without it as well, and calls may stand behind such a text.
        """
        rules = Rules(self._special, param)
        call = first = rules.rule(_either(rules, layouts))
        before, (between, after) = frame[0], map(rules.sequence, ([text] for text in frame[1:]))
        begun: list[GrammarPart] = [before]
        if marker is not None:
            begun = [Free(marker), before.removeprefix(marker)]
            if not before:
                first = rules.rule(_either(rules, [_behind(marker, layout) for layout in layouts]))
        more = f" ({between} {call}){{0,{most - 1}}}" if most > 1 else ""
        called = f"{rules.sequence(begun)} {first}{more} {after}"
        body = rules.rule(called if marker is None else f"{rules.anything()} | {called}")
        return self._guide(rules.grammar(prelude, body), param, requester)

    def check(self, constraint: Constraint, requester: Requester = ANYBODY) -> None:
        """Compile a constraint by itself, whose errors speak of what the client wrote; raises as `answer` does."""
        if constraint.kind == "json_schema":
            check_schema(_parsed(constraint), constraint.param)
            grammar = LLMatcher.grammar_from_json_schema(constraint.source)
        elif constraint.kind == "regex":
            grammar = LLMatcher.grammar_from_regex(constraint.source)
        elif constraint.kind == "grammar":
            _check_lark(constraint)
            grammar = LLMatcher.grammar_from_lark(constraint.source)
        else:
            return
        self._compiled(grammar, constraint.param, requester)

    def _guide(self, lark: str, param: str, requester: Requester) -> Guide:
        return Guide(self._compiled(LLMatcher.grammar_from_lark(lark), param, requester).deep_copy(), param)

    def _compiled(self, grammar: str, param: str, requester: Requester) -> LLMatcher:
        name = requester.owner, grammar  # how long it takes would tell whether somebody else has asked for the same
        with self._one_at_a_time:
            if (known := self._kept.get(name)) is not None:
                self._kept.move_to_end(name)
                return known
        matcher = compiled(self._tokens, grammar, param, requester.deadline)
        if matcher.is_error():
            raise InvalidValue(f"'{param}' cannot be enforced: {_why(matcher.get_error())}", param=param)
        with self._one_at_a_time:
            self._kept[name] = matcher
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return matcher


class Rules:
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
            return [self.rule(_nested(part.grammar))]
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
        self._rules.append(f"{terminal}: {any_}" + (f" & /{_delimited(free.pattern)}{end}/" if free.pattern else ""))
        if mark is None:
            return [self.rule(terminal, "[lazy]")]
        # No regular expression matches a special token, so the text ends where it stands.
        return [self.rule(terminal), *self._literal(free.end[mark.start() :])]


def _either(rules: Rules, layouts: Sequence[Layout]) -> str:
    return " | ".join(rules.sequence(layout.parts, layout.lenient) for layout in layouts)


def _behind(marker: str, layout: Layout) -> Layout:
    """The rest of a call that begins with this marker."""
    text, *rest = layout.parts
    assert isinstance(text, str)  # noqa: S101  (it begins with the marker)
    return layout._replace(parts=[text.removeprefix(marker), *rest])


def check_schema(schema: Any, param: str) -> None:
    """Raise InvalidValue of `param` for a schema that is too deep to be compiled, or that no finite value satisfies."""
    level = [schema]
    for _ in range(_DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
    if level:
        raise InvalidValue(f"'{param}' cannot be enforced: it nests more than {_DEEPEST} levels deep", param=param)
    if not ends.schema(schema):
        message = f"'{param}' cannot be satisfied: whatever it requires requires itself again; let something end"
        raise InvalidValue(message, param=param)


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()


def _parsed(constraint: Constraint) -> Any:
    try:
        return json.loads(constraint.source)
    except (ValueError, RecursionError) as error:
        raise InvalidValue(f"'{constraint.param}' is not valid JSON: {error}", param=constraint.param) from None


def _check_lark(constraint: Constraint) -> None:
    param = constraint.param
    try:
        ending = ends.grammar(constraint.source)
    except ends.TooMany:
        message = f"'{param}' cannot be enforced: it has more than {ends.MAX_RULES} rules"
        raise InvalidValue(message, param=param) from None
    if not ending:
        message = f"'{param}' cannot be satisfied: its start needs itself again before it can end; add an alternative"
        raise InvalidValue(message, param=param)


def json_rule(schema: Mapping[str, Any] | bool, lenient: bool = False) -> str:
    """A rule's body for a JSON value of this schema."""
    given = schema if isinstance(schema, Mapping) else {}
    return f"%json {json.dumps({**given, 'x-guidance': {'whitespace_pattern': _WHITE_SPACE, 'lenient': lenient}})}"


def _answer(constraint: Constraint) -> str:
    if constraint.kind == "json_schema":
        return json_rule(_parsed(constraint))
    if constraint.kind == "regex":
        return f"/{_delimited(constraint.source)}/"
    if constraint.kind == "choice":
        return " | ".join(json.dumps(text) for text in json.loads(constraint.source))
    return _nested(constraint.source)


def _nested(grammar: str) -> str:
    """A Lark grammar as a rule's body."""
    return f"%lark {{\n{grammar}\n}}"


def _delimited(regex: str) -> str:
    """A regular expression as it stands between slashes."""
    pieces = re.findall(r"\\.|.", regex, re.DOTALL)
    return "".join({"/": r"\/", "\n": r"\n"}.get(piece, piece) for piece in pieces)


def _escaped(text: str) -> str:
    """A text as a regular expression that stands between slashes."""
    return "".join(
        r"\n" if char == "\n" else char if char.isalnum() or char in "<>_ " or ord(char) > 127 else f"\\{char}"
        for char in text
    )


def _why(error: str) -> str:
    """An error of llguidance in a line that names the keyword of a schema that is at fault."""
    if "NoExtension" in error:
        return "nothing can satisfy it"
    lines = error.strip().splitlines()
    messages = (line.removeprefix("error: ") for line in lines if line.startswith("error: "))
    line = next(messages, re.sub(r"^at \d+\(\d+\): ", "", lines[0]))
    if keys := re.search(r"Unimplemented keys: \[(.*?)\]", line):
        names = ", ".join(f"'{name}'" for name in json.loads(f"[{keys[1]}]"))
        return f"the schema's keyword {names} is not supported"
    return f"it is too complex ({line}); make it simpler" if any(phrase in line for phrase in _TOO_COMPLEX) else line
