"""JSON that is meant to hurt: values that programs trip over, and changes of a value at any depth."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from random import Random
from typing import Any


class Literal(str):
    """Written as it is, valid JSON or not."""


class Pairs(list[tuple[str, Any]]):
    """An object whose keys may stand twice."""


def _nested(levels: int) -> list[Literal]:
    return [Literal("[" * levels + "]" * levels), Literal('{"a":' * levels + "1" + "}" * levels)]


NUMBERS = (
    *(0, -1, 1, 2, 1.5, 1e-9, 1e300, 2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 2**64),
    *(10**30, -(10**30), 10**400, *map(Literal, ("1e400", "-1e400", "1e-400", "-0", "-0.0", "1e5", "1E+2"))),
)
TEXTS = (
    *("", " ", "\n", "a", "0", "1", "-1", "1e400", "nan", "null", "true", "auto", "none", "a" * 5000, "9" * 5000),
    *("\x00", "\x01\x1f\x7f", "\u2028", "\ufeff", "\U0001f600", "e\u0301", "\u202e", "\uffff", "ﬀ" * 50, "😀" * 500),
    *map(Literal, ('"\\ud800"', '"\\udc00a"', '"a\\ud83d"', '"\\u0000"')),
    *("../../etc/passwd", "file-1", "blob_0", "job_x", "batch_x", "<|im_end|>", "<|endoftext|>", "</think>"),
    *("{{ messages }}", "{% for x in", "%s%n", "[", "(", "(a+)+$", "start: start", "^$", "\\", "\\u", "?" * 40),
    *("[" * 20_000, '{"a":' * 5000, "data:,", "data:;base64,!", "data:image/png;base64,iVBORw0KGgo=", "data:"),
    *(
        "http://[",
        "http://xn--/",
        "http://127.0.0.1:1/",
        "http://127.0.0.1:99999/",
        "https://a.invalid/",
        "HTTP://",
        "//",
    ),
)
OTHERS = (
    *(None, True, False, [], {}, [[]], [{}], {"": ""}, [None], [0, ""], {"a": {"b": {"c": []}}}, {"type": "function"}),
    *({"type": []}, {"type": {}}, {"$ref": "#"}, {"type": None}, [1, "a"], [True], [1.5], [-1], [[1], ["a"]]),
    *([0] * 3000, ["a"] * 3000, [[]] * 300, {f"k{n}": n for n in range(2000)}, Literal('{"a":1,"a":2}')),
    *(text for levels in (20, 33, 60, 500) for text in _nested(levels)),
)
BROKEN = (
    *map(
        Literal,
        ("NaN", "Infinity", "-Infinity", "00", "1.", "0x1", "", "[1,]", "{,}", "{1:2}", "[1 2]", "nul", "/**/1"),
    ),
    *map(Literal, ('"\\q"', '"\\u12"', '"a\nb"', '"\x01"', "'a'", *_nested(3000))),
)


def hostile(chance: Random) -> Any:
    """A value that few expect; now and then a very long text."""
    if chance.random() < 0.005:
        return chance.choice(("a", "a b ", "é", "{")) * 100_000
    (kind,) = chance.choices((NUMBERS, TEXTS, OTHERS, BROKEN), (8, 8, 8, 1))
    return copy.deepcopy(chance.choice(kind))


def text(value: Any) -> str:
    """The value as JSON, with what no JSON may hold where it is meant."""
    if isinstance(value, Literal):
        return str(value)
    if isinstance(value, (dict, Pairs)):
        items = value.items() if isinstance(value, dict) else value
        return "{" + ",".join(f"{text(name)}:{text(one)}" for name, one in items) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(text, value)) + "]"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:#d}" if abs(value) < 10**300 else "9" * 400
    return json.dumps(value)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in a value something stands, itself first."""
    yield path
    if isinstance(value, dict):
        for name, one in value.items():
            yield from places(one, (*path, name))
    elif isinstance(value, list) and not isinstance(value, Pairs):
        for at, one in enumerate(value[:20]):
            yield from places(one, (*path, at))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    """What stands there."""
    for step in path:
        value = value[step]
    return value


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """The same value with another one there."""
    if not path:
        return new
    copied = copy.copy(value)
    copied[path[0]] = put(value[path[0]], path[1:], new)
    return copied


def without(value: Any, path: tuple[Any, ...]) -> Any:
    """The same value without what stands there."""
    holder = copy.copy(at(value, path[:-1]))
    del holder[path[-1]]
    return put(value, path[:-1], holder)


def mutated(value: Any, chance: Random, names: tuple[str, ...] = ()) -> Any:
    """The same value changed in one place; `names` are fields that its readers know."""
    known = list(places(value))
    path = chance.choice(known)
    old = at(value, path)
    kind = chance.choices(
        ("replace", "add", "remove", "wrap", "twice", "rename", "edit", "move"), (8, 4, 1, 1, 1, 1, 2, 1)
    )[0]
    if kind == "add" and isinstance(value, dict):
        inside = [one for one in known if isinstance(at(value, one), dict)]
        path = () if names and chance.random() < 0.7 else chance.choice(inside)
        name = (
            chance.choice(names)
            if names and not path
            else chance.choice(("", "x", "a" * 300, "\x00", "type", "n", "$"))
        )
        return put(value, path, {**at(value, path), name: hostile(chance)})
    if kind == "remove" and path:
        return without(value, path)
    if kind == "wrap":
        return put(value, path, chance.choice(([old], {"a": old}, [old, old], {"type": old})))
    if kind == "twice" and isinstance(old, dict):
        items = list(old.items())
        return put(value, path, Pairs([*items, *((name, hostile(chance)) for name, _ in items[:1])]))
    if kind == "twice" and type(old) is list:
        return put(value, path, old * chance.choice((2, 3, 30)))
    if kind == "rename" and isinstance(old, dict) and old:
        name = chance.choice(list(old))
        new = chance.choice((name[:-1], name + "s", name.upper(), "", "\x00", Literal('"\\ud800"'), name + "[]"))
        return put(value, path, {new if key == name else key: one for key, one in old.items()})
    if kind == "edit" and isinstance(old, str):
        return put(value, path, edited(old, chance))
    if kind == "move":
        return put(value, path, at(value, chance.choice(known)))
    return put(value, path, hostile(chance))


SPECIAL = "[](){}|*+?\\^$.\"'/:;<>=,%&~!@#-_ \t\n\r\x00aZ09é😀"


def edited(old: str, chance: Random) -> str:
    """The same text with some characters lost, doubled or put in."""
    for _ in range(chance.choice((1, 1, 2, 4))):
        begin = chance.randrange(len(old) + 1)
        end = min(len(old), begin + chance.choice((0, 1, 1, 3, 10)))
        middle = chance.choice(("", old[begin:end] * 2, chance.choice(SPECIAL), chance.choice(SPECIAL) * 3))
        old = old[:begin] + middle + old[end:]
    return old
