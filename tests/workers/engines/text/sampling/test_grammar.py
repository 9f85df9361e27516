"""A guided answer is whatever its grammar allows and nothing else; what cannot be enforced is refused."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pytest
from pydantic import BaseModel, ConfigDict, Field

from tasks.values.errors import InvalidValue
from tasks.values.requests import Constraint
from tests.workers.engines.text import tiny
from workers.engines.text.requester import Requester
from workers.engines.text.sampling.grammar import Grammars, Layout
from workers.engines.text.sampling.guide import Guide, allocate_token_bitmask
from workers.parsers.grammar_parts import Either, Free, Maybe, Value

VOCABULARY = 520
WORDS = tiny.tokenizer()._tokenizer
WORDS.add_tokens(["<think>", "</think>"])
END = WORDS.eos_token_id
TEXT = re.compile(r"[ -~\n]*")


@pytest.fixture(scope="module")
def grammars() -> Grammars:
    return Grammars(WORDS, VOCABULARY, [END])


def constraint(kind: Any, source: str) -> Constraint:
    return Constraint(kind, source, "field")


def schema(model: type[BaseModel]) -> Constraint:
    return constraint("json_schema", json.dumps(model.model_json_schema()))


def open_to(guide: Guide) -> set[int]:
    """The tokens that may come next."""
    bits = allocate_token_bitmask(1, VOCABULARY)
    guide.fill(bits, 0)
    return set(np.flatnonzero(np.unpackbits(bits.view(np.uint8), bitorder="little")[:VOCABULARY]).tolist())


def wander(guide: Guide, seed: int, most: int = 3000) -> str:
    """A text that a model without any sense might say; it ends as soon as it may, and prefers plain characters."""
    chance, drawn = random.Random(seed), list[int]()
    plain = [token for token in range(VOCABULARY - 3) if TEXT.fullmatch(WORDS.decode([token]))]
    while len(drawn) < most:
        may = open_to(guide)
        if END in may:
            return str(WORDS.decode(drawn))
        likely = [token for token in plain if token in may]
        drawn.append(chance.choice(likely or sorted(may)))
        guide.accept(drawn[-1])
        assert not guide.broken
    raise AssertionError(f"no end: {WORDS.decode(drawn)}")


def takes(guide: Guide, text: str) -> bool:
    """Whether an answer may be this text, and end there."""
    for token in WORDS.encode(text, add_special_tokens=False):
        if token not in open_to(guide):
            return False
        guide.accept(token)
    return END in open_to(guide)


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    colour: Literal["red", "green"]
    sizes: list[int] = Field(max_length=3)


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=12, pattern="^[a-z]+$")
    inner: Inner
    more: list[Inner] = Field(max_length=2)
    maybe: float | None


@pytest.mark.parametrize("seed", range(20))
def test_every_answer_under_a_schema_is_valid(grammars: Grammars, seed: int) -> None:
    Outer.model_validate_json(wander(grammars.answer(schema(Outer), ()), seed), strict=True)


def test_properties_come_in_the_order_of_the_schema(grammars: Grammars) -> None:
    assert list(json.loads(wander(grammars.answer(schema(Outer), ()), 1))) == ["name", "inner", "more", "maybe"]


@pytest.mark.parametrize("text", ['{"colour": "red", "sizes": [1, 2]}', '{"colour":"red","sizes":[1,2]}',
                                  '{\n  "colour": "red",\n  "sizes": [\n    1,\n    2\n  ]\n}'])  # fmt: skip
def test_json_may_be_written_in_every_usual_way(grammars: Grammars, text: str) -> None:
    assert takes(grammars.answer(schema(Inner), ()), text)


def test_a_model_cannot_lose_itself_in_white_space(grammars: Grammars) -> None:
    assert not takes(grammars.answer(schema(Inner), ()), '{\n\n\n"colour": "red", "sizes": []}')


@pytest.mark.parametrize(
    ("kind", "source", "good", "bad"),
    [
        ("regex", r"[a-c]+/\d{2}", ["abc/12", "a/00"], ["abc", "abc/1", "d/12", "abc/123"]),
        ("regex", "a\nb", ["a\nb"], ["ab"]),
        ("choice", '["yes", "no", "a \\"b\\""]', ["yes", "no", 'a "b"'], ["maybe", "yesno"]),
        ("grammar", 'start: "a" more?\nmore: ","  "b"', ["a", "a,b"], ["b", "a,"]),
        ("json_schema", '{"type": "object"}', ["{}", '{"a": [1, {"b": null}]}'], ["[]", "1"]),
        ("json_schema", "{}", ["{}", "[1]", "null", '"x"'], ["x"]),
    ],
)
def test_each_kind_of_constraint(grammars: Grammars, kind: str, source: str, good: Sequence[str],
                                 bad: Sequence[str]) -> None:  # fmt: skip
    guide = grammars.answer(constraint(kind, source), ())
    assert [text for text in good if not takes(guide.copy(), text)] == []
    assert [text for text in bad if takes(guide.copy(), text)] == []


@pytest.mark.parametrize(
    ("kind", "source", "told"),
    [
        ("json_schema", '{"type": "object", "not": {}}', "'not'"),
        ("json_schema", '{"type": "array", "uniqueItems": true}', "'uniqueItems'"),
        ("json_schema", '{"type": "string", "format": "what"}', "what"),
        ("json_schema", '{"type": "thing"}', "thing"),
        ("json_schema", '{"$ref": "#/$defs/none"}', "none"),
        ("json_schema", '{"$ref": "http://127.0.0.1/schema.json"}', "127.0.0.1"),
        ("regex", "(a", "unclosed group"),
        ("grammar", "start: nothing", "nothing"),
    ],
)
def test_what_cannot_be_enforced_is_refused_by_name(grammars: Grammars, kind: str, source: str, told: str) -> None:
    with pytest.raises(InvalidValue, match=re.escape(told)) as refused:
        grammars.answer(constraint(kind, source), ())
    assert refused.value.failure.param == "field"


THINKS = [Maybe(["<think>", Free("</think>")])]


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ('{"a": 1}', True),
        ('<think>so {"a": 2} it is</think>\n\n{"a": 1}', True),
        ('<think></think>{"a": 1}', True),
        ("<think>so</think>\n\n", False),
        ("<think>so", False),
        ('so {"a": 1}', False),
    ],
)
def test_a_constraint_holds_once_the_thinking_has_ended(grammars: Grammars, text: str, may: bool) -> None:
    assert takes(grammars.answer(constraint("json_schema", '{"type": "object"}'), THINKS), text) is may


@pytest.mark.parametrize("marks", [["(t)", Free("(/t)")], ["<t>\n", Free("\n</t>")]])
def test_markers_that_are_no_tokens_of_their_own_are_found_too(grammars: Grammars, marks: list[Any]) -> None:
    begin, free = marks
    guide = grammars.answer(constraint("choice", '["yes"]'), [Maybe([begin, free])])
    assert takes(guide.copy(), f"{begin}perhaps{free.end}yes")
    assert not takes(guide.copy(), f"{begin}perhaps yes")


def call(name: str, parameters: dict[str, Any], *, lenient: bool = True) -> Layout:
    return Layout([f'<call>{{"name": "{name}", "arguments": ', Value(parameters), "}</call>"], lenient)


FIRST = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"], "additionalProperties": False}


def test_calls_are_of_the_tools_that_there_are(grammars: Grammars) -> None:
    guide = grammars.calls([call("f", FIRST), call("g", {"type": "object"})], ("[", ",", "]"), 3, (), "tools")
    f, g = '<call>{"name": "f", "arguments": {"x": 1}}</call>', '<call>{"name": "g", "arguments": {}}</call>'
    assert takes(guide.copy(), f"[{f}]")
    assert takes(guide.copy(), f"[{g},{f},{g}]")
    assert not takes(guide.copy(), f"[{g},{f},{g},{f}]")
    assert not takes(guide.copy(), "[]")
    assert not takes(guide.copy(), f"[{f.replace('f', 'h')}]")


def test_a_tool_s_odd_keywords_are_left_to_the_model_unless_it_is_strict(grammars: Grammars) -> None:
    odd = {**FIRST, "properties": {"x": {"type": "array", "uniqueItems": True}}}
    guide = grammars.calls([call("f", odd)], ("", "", ""), 1, (), "tools")
    assert takes(guide, '<call>{"name": "f", "arguments": {"x": [1, 1]}}</call>')
    with pytest.raises(InvalidValue, match="'uniqueItems'"):
        grammars.calls([call("f", odd, lenient=False)], ("", "", ""), 1, (), "tools")


def test_a_grammar_is_compiled_once(grammars: Grammars) -> None:
    before = len(grammars._kept)
    for _ in range(3):
        grammars.answer(constraint("regex", "once"), ())
    assert len(grammars._kept) == before + 2  # by itself, and as the whole answer


def test_a_token_that_is_not_allowed_breaks_the_guide(grammars: Grammars) -> None:
    guide = grammars.answer(constraint("choice", '["yes"]'), ())
    guide.accept(WORDS.encode("no", add_special_tokens=False)[0])
    assert guide.broken
    assert open_to(guide) == {END}


@pytest.mark.parametrize(
    ("part", "good", "bad"),
    [
        (Free("|"), ["|", "ab\nc|"], ["ab", "a|b|"]),
        (Free("|", 1, 2), ["a|", "éb|"], ["|", "abc|"]),
        (Free("|", pattern="[ab]+"), ["ab|"], ["abc|", "|"]),
        (Free("|", most=2, pattern="[ab]+"), ["ab|"], ["aba|", "c|"]),
        (Free("</think>", most=3), ["abc</think>"], ["abcd</think>"]),
        (Either(["one", "two"]), ["one", "two"], ["three"]),
    ],
)
def test_parts_are_as_bounded_as_they_say(
    grammars: Grammars, part: Any, good: Sequence[str], bad: Sequence[str]
) -> None:
    guide = grammars.calls([Layout([part], lenient=False)], ("", "", ""), 1, (), "tools")
    assert [text for text in good if not takes(guide.copy(), text)] == []
    assert [text for text in bad if takes(guide.copy(), text)] == []


ENDLESS_RULES = [
    ("grammar", "start: start"),
    ("grammar", 'start: a\na: a "x" | b\nb: a "y"'),
    ("grammar", 'start: "x" start'),
    ("grammar", 'start: "abc" b\nb: ("x" b)+'),
    ("grammar", 'start: a b\na: "x"\nb[lazy]: /.*/ b'),
    ("grammar", "start: T\nT: /a/ & /b/"),
    ("regex", r"[^\s\S]"),
    ("regex", r"a[^\s\S]"),
    ("json_schema", '{"$ref": "#"}'),
    ("json_schema", '{"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}'),
    ("json_schema", '{"enum": []}'),
    ("json_schema", '{"type": "string", "minLength": 2, "maxLength": 1}'),
    ("json_schema", '{"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}'),
    ("json_schema", '{"type": "object", "properties": {"a": false}, "required": ["a"]}'),
    ("json_schema", '{"type": "array", "items": {"$ref": "#"}, "minItems": 1}'),
    ("json_schema", "[" * 900 + "]" * 900),
    ("json_schema", "[" * 20_000),
]


@pytest.mark.parametrize(("kind", "source"), ENDLESS_RULES)
def test_what_nothing_can_satisfy_is_refused_by_its_field(grammars: Grammars, kind: str, source: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        grammars.answer(constraint(kind, source), ())
    assert caught.value.failure.param == "field"


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("grammar", 'start: "x" start | "y"'),
        ("grammar", '?start: sum\n?sum: atom | sum "+" atom -> add\n?atom: /[0-9]/ | "(" sum ")"  // a comment: b'),
        ("grammar", 'start: ("a" start)*'),
        ("grammar", 'start: a\na: %json {"type": "object"} (a)?'),
        ("json_schema", '{"type": "object", "properties": {"a": {"$ref": "#"}}}'),
        ("json_schema", '{"type": ["object", "null"], "properties": {"a": {"$ref": "#"}}, "required": ["a"]}'),
        ("json_schema", '{"type": "array", "items": {"$ref": "#"}}'),
    ],
)
def test_what_refers_to_itself_and_ends_is_taken(grammars: Grammars, kind: str, source: str) -> None:
    grammars.answer(constraint(kind, source), ())


CHAIN = "\n".join(f"r{number}: r{number + 1}" for number in range(5000))


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("grammar", f'start: r0\n{CHAIN}\nr5000: "a"'),
        ("grammar", "start: " + "(" * 30_000),
        ("regex", "(" * 30_000 + "a" + ")" * 30_000),
        ("regex", "a?" * 30_000),
    ],
)
def test_what_is_too_complex_is_refused_by_its_field(grammars: Grammars, kind: str, source: str) -> None:
    with pytest.raises(InvalidValue, match="'field' cannot be enforced") as caught:
        grammars.answer(constraint(kind, source), ())
    assert caught.value.failure.param == "field"


def test_a_long_chain_of_references_ends_no_process(grammars: Grammars) -> None:
    chained = {str(at): {"type": "array", "items": {"$ref": f"#/$defs/{at + 1}"}} for at in range(1400)}
    whole = {"$ref": "#/$defs/0", "$defs": {**chained, "1400": {"type": "string"}}}
    assert grammars.answer(constraint("json_schema", json.dumps(whole)), ())


def test_what_one_owner_compiled_serves_that_owner_only(grammars: Grammars) -> None:
    kept = [len(grammars._kept)]
    for owner in ("alpha", "beta", "alpha"):
        grammars.answer(constraint("regex", "only once"), (), Requester(owner))
        kept.append(len(grammars._kept) - kept[0])
    assert kept[1] == kept[2] - kept[1] and kept[3] == kept[2]
