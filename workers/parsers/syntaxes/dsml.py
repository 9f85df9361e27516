"""DeepSeek's elements from V3.2 on, in a name space of their own, which say of each value whether it is a string."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from workers.parsers.grammar_parts import GrammarPart, Maybe
from workers.parsers.layouts import bare, ordered
from workers.parsers.marker_parser import MarkerParser
from workers.parsers.schema_types import types
from workers.parsers.syntaxes.markup import Elements, value


class Dsml(NamedTuple):
    """A section's name, which is all that differs between the versions."""

    section: str

    @property
    def open(self) -> str:
        """The tag that begins the section."""
        return f"<｜DSML｜{self.section}>"

    @property
    def close(self) -> str:
        """The tag that ends the section."""
        return f"</｜DSML｜{self.section}>"

    @property
    def elements(self) -> Elements:
        """The elements in it."""
        return Elements(
            self.open,
            self.close,
            ("<｜DSML｜invoke", "name", "="),
            "</｜DSML｜invoke>",
            ("<｜DSML｜parameter", "name", "="),
            "</｜DSML｜parameter>",
            quote='"',
            line="",
        )

    def parser(self, tools: Mapping[str, Mapping[str, Any]]) -> MarkerParser:
        """A parser of this format."""
        return self.elements.parser(tools)

    def write(self, calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
        """The calls as a model writes them."""
        return f"{self.open}\n" + "\n".join(map(self._written, calls)) + f"\n{self.close}" if calls else ""

    def layout(self, name: str, schema: Mapping[str, Any]) -> Sequence[GrammarPart]:
        """How a call of this function is written."""
        elements = self.elements
        parts: list[GrammarPart] = [elements.begin(name)]
        for key, inner, required in ordered(schema):
            string = "string" in types(inner, inner)
            one = (_key(key, string), *bare(inner, elements.parameter_close, elements.line), "\n")
            parts += one if required else (Maybe(one),)
        return (*parts, elements.call_close)

    def _written(self, call: tuple[str, Mapping[str, Any]]) -> str:
        (name, arguments), elements = call, self.elements
        properties = (
            _key(key, isinstance(given, str)) + value(given) + elements.parameter_close + "\n"
            for key, given in arguments.items()
        )
        return elements.begin(name) + "".join(properties) + elements.call_close


def _key(key: str, string: bool) -> str:
    return f'<｜DSML｜parameter name="{key}" string="{"true" if string else "false"}">'
