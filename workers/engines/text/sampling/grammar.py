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

from tasks.values.errors import InvalidValue
from tasks.values.requests import Constraint
from workers.engines.text.requester import ANYBODY, Requester
from workers.engines.text.sampling import satisfiability
from workers.engines.text.sampling.compiling import compiled
from workers.engines.text.sampling.guide import Guide
from workers.engines.text.sampling.lark_rules import LarkRules, delimited, json_rule, lark_rule
from workers.engines.text.sampling.vocabulary import token_trie
from workers.parsers.grammar_parts import Free, GrammarPart

_KEPT = 256  # compiled grammars
_DEEPEST = 64  # levels of a schema
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
        return token_trie(self._tokenizer, max(self._vocabulary, len(self._tokenizer)), self._ends)

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
        rules = LarkRules(self._special, constraint.param)
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
        rules = LarkRules(self._special, param)
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
        matcher = self._compiled(LLMatcher.grammar_from_lark(lark), param, requester).deep_copy()
        return Guide(matcher, param, self._tokens.vocab_size)

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


def _either(rules: LarkRules, layouts: Sequence[Layout]) -> str:
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
    if not satisfiability.schema(schema):
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
        ending = satisfiability.grammar(constraint.source)
    except satisfiability.TooManyRules:
        message = f"'{param}' cannot be enforced: it has more than {satisfiability.MAX_RULES} rules"
        raise InvalidValue(message, param=param) from None
    if not ending:
        message = f"'{param}' cannot be satisfied: its start needs itself again before it can end; add an alternative"
        raise InvalidValue(message, param=param)


def _answer(constraint: Constraint) -> str:
    if constraint.kind == "json_schema":
        return json_rule(_parsed(constraint))
    if constraint.kind == "regex":
        return f"/{delimited(constraint.source)}/"
    if constraint.kind == "choice":
        return " | ".join(json.dumps(text) for text in json.loads(constraint.source))
    return lark_rule(constraint.source)


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
