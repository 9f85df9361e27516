"""DeepSeek V3.2: invoke elements in its own name space, which say of each value whether it is a string."""

from collections.abc import Mapping, Sequence
from typing import Any

from workers.parsers.markup import Elements, value
from workers.parsers.parser_events import Maybe, Part
from workers.parsers.typed import bare, ordered, types

_FORMAT = Elements(
    "<｜DSML｜function_calls>",
    "</｜DSML｜function_calls>",
    ("<｜DSML｜invoke", "name", "="),
    "</｜DSML｜invoke>",
    ("<｜DSML｜parameter", "name", "="),
    "</｜DSML｜parameter>",
    quote='"',
    line="",
)
NAMES = ("deepseek_v32",)
MARKERS = _FORMAT.markers
OBJECTS = False  # its encoder parses the arguments itself
BEFORE, BETWEEN, AFTER = "<｜DSML｜function_calls>\n", "\n", "\n</｜DSML｜function_calls>"
parser = _FORMAT.parser


def recognises(template: str) -> bool:
    """Whether a chat template has DeepSeek's elements."""
    return "DSML" in template


def write(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The calls as a model writes them."""
    return BEFORE + BETWEEN.join(map(_written, calls)) + AFTER if calls else ""


def layout(name: str, schema: Mapping[str, Any]) -> Sequence[Part]:
    """How a call of this function is written."""
    parts: list[Part] = [_FORMAT.begin(name)]
    for key, inner, required in ordered(schema):
        string = "string" in types(inner, inner)
        one = (_key(key, string), *bare(inner, _FORMAT.parameter_close), "\n")
        parts += one if required else (Maybe(one),)
    return (*parts, _FORMAT.call_close)


def _written(call: tuple[str, Mapping[str, Any]]) -> str:
    name, arguments = call
    properties = (
        _key(key, isinstance(given, str)) + value(given) + _FORMAT.parameter_close + "\n"
        for key, given in arguments.items()
    )
    return _FORMAT.begin(name) + "".join(properties) + _FORMAT.call_close


def _key(key: str, string: bool) -> str:
    return f'<｜DSML｜parameter name="{key}" string="{"true" if string else "false"}">'
