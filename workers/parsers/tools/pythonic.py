"""Pythonic: a list of Python calls, bare (Llama 3.2), or between markers (Llama 4, LFM2)."""

from collections.abc import Mapping, Sequence
from typing import Any

from workers.parsers import literals
from workers.parsers.json_calls import closing
from workers.parsers.pieces import Parser, Part, Value
from workers.parsers.reading import Reading
from workers.parsers.tape import NAME, Broken, Tape, Waiting
from workers.parsers.typed import Object, optional, ordered

_MARKERS = {"<|python_start|>": "<|python_end|>", "<|tool_call_start|>": "<|tool_call_end|>"}

NAMES = ("pythonic", "llama4_pythonic", "llama3_pythonic", "lfm2", "olmo3")
MARKERS = ("[", *_MARKERS)
OBJECTS = True
BEFORE, BETWEEN, AFTER = "[", ", ", "]"


def recognises(template: str) -> bool:
    """Whether a chat template asks for a list of Python calls."""
    if "dictionary of argument name and its value" in template:  # Llama 4's has Python's markers and asks for JSON
        return False
    words = ("<|tool_call_start|>", "<|tool_list_start|>", "<|python_start|>", "[func_name1(")
    return any(word in template for word in words)


def parser(tools: Mapping[str, Mapping[str, Any]]) -> Parser:
    """A parser of this format."""
    return Reading(tuple(_MARKERS), lambda tape, opener: _read(tape, opener, tools), ("[",))


def write(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The calls as a model writes them."""
    written = (
        name + "(" + ", ".join(f"{key}={_python(given)}" for key, given in arguments.items()) + ")"
        for name, arguments in calls
    )
    return BEFORE + BETWEEN.join(written) + AFTER if calls else ""


def layout(name: str, schema: Mapping[str, Any]) -> Sequence[Part]:
    """How a call of this function is written; values as JSON, which is read as well."""
    parts: list[Part] = [name + "("]
    for at, (key, inner, required) in enumerate(ordered(schema)):
        parts += optional(required, ((", " if at else "") + key + "=", Value(inner)))
    return (*parts, ")")


def _python(given: Any) -> str:
    """A value as Python writes it."""
    if isinstance(given, Mapping):
        return "{" + ", ".join(f"{key!r}: {_python(entry)}" for key, entry in given.items()) + "}"
    if isinstance(given, list | tuple):
        return "[" + ", ".join(map(_python, given)) + "]"
    return repr(given)


def _read(tape: Tape, opener: str, tools: Mapping[str, Mapping[str, Any]]) -> Waiting[None]:
    yield from tape.space()
    yield from tape.must("[")
    while True:
        yield from tape.space()
        yield from _call(tape, tools)
        yield from tape.space()
        if (yield from tape.must(",", "]")) == "]":
            break
    tape.told()
    yield from closing(tape, _MARKERS.get(opener, ""))


def _call(tape: Tape, tools: Mapping[str, Mapping[str, Any]]) -> Waiting[None]:
    call = Object(tape, (yield from tape.run(NAME)), tools)
    yield from tape.must("(")
    while True:
        yield from tape.space()
        while (yield from tape.comes(",")):  # also where an argument is left out
            yield from tape.space()
        if (yield from tape.comes(")")):
            call.end()
            return
        key = yield from tape.run(NAME)
        yield from tape.space()
        yield from tape.must("=")
        before = [call.key(key)]  # with the first of the value, so that `[f(x=y)]` in prose stays text

        def tell(text: str, before: list[str] = before) -> None:
            call.begin()
            tape.arguments((before.pop() if before else "") + text)

        yield from literals.value(tape, tell, literals.PYTHON)
        yield from tape.space()
        if (yield from tape.sees(",", ")")) is None:
            raise Broken
