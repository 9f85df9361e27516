"""The formats by name: the modules in the folders of `workers/parsers/tools`, and of `workers/parsers/reasoning`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal, Protocol, TypeAlias, cast, overload

from workers.parsers.grammar_parts import GrammarPart
from workers.parsers.marker_parser import MarkerParser
from workers.parsers.parser_events import Parser

FormatKind: TypeAlias = Literal["tools", "reasoning"]
_SETTINGS = {"tools": "tool_call_parser", "reasoning": "reasoning_parser"}


class UnknownFormat(Exception):
    """There is no format of this name; the message lists those there are."""


class ToolFormat(Protocol):
    """What a module in a folder of `workers/parsers/tools` holds.

    Of several formats that recognise a template the one of the highest `RANK` is taken: 0 is what many families write,
    1 what one does, more what some of its models do. `MARKERS` begin a call; `OBJECTS` says whether a template is first
    tried with arguments as objects, not as JSON texts; `BEFORE`, `BETWEEN` and `AFTER` stand around an answer's calls.
    """

    NAMES: tuple[str, ...]
    RANK: int
    MARKERS: tuple[str, ...]
    OBJECTS: bool
    BEFORE: str
    BETWEEN: str
    AFTER: str

    def recognises(self, template: str) -> bool:
        """Whether a chat template asks for this format."""
        ...

    def parser(self, tools: Mapping[str, Mapping[str, Any]]) -> MarkerParser:
        """A parser of one answer; the tools' schemas by name."""
        ...

    def write(self, calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
        """Calls, each a name and its arguments, as the model writes them."""
        ...

    def layout(self, name: str, schema: Mapping[str, Any]) -> Sequence[GrammarPart]:
        """What a grammar lets a call of this tool be."""
        ...


class ReasoningFormat(Protocol):
    """What a module of `workers/parsers/reasoning` holds.

    `RANK` is as in a ToolFormat. `MARKERS` stand around the thinking; `CLOSE` is what ends it when it has been enough,
    and `ANSWER` is what stands before an answer that calls nothing.
    """

    NAMES: tuple[str, ...]
    RANK: int
    MARKERS: tuple[str, ...]
    CLOSE: str
    ANSWER: str

    def recognises(self, template: str) -> bool:
        """Whether a model with this chat template thinks in this format."""
        ...

    def begun(self, prompt: str) -> bool:
        """Whether an answer to this rendered prompt begins inside the thinking."""
        ...

    def parser(self, begun: bool, calls: MarkerParser | None = None) -> Parser:
        """A parser of one answer, in which `calls`, a parser that has read nothing yet, reads the calls."""
        ...

    def prelude(self, begun: bool) -> Sequence[GrammarPart]:
        """What a grammar lets stand before tool calls, or before `ANSWER` and the answer."""
        ...


@overload
def formats(kind: Literal["tools"]) -> Mapping[str, ToolFormat]: ...
@overload
def formats(kind: Literal["reasoning"]) -> Mapping[str, ReasoningFormat]: ...
def formats(kind: FormatKind) -> Mapping[str, ToolFormat] | Mapping[str, ReasoningFormat]:
    """The formats of a kind by the names of their files, in the alphabet's order."""
    return cast("Mapping[str, ReasoningFormat]", _modules(kind))


@overload
def find(kind: Literal["tools"], name: str) -> ToolFormat: ...
@overload
def find(kind: Literal["reasoning"], name: str) -> ReasoningFormat: ...
def find(kind: FormatKind, name: str) -> ToolFormat | ReasoningFormat:
    """The format that goes by this name; raises UnknownFormat."""
    for module in _modules(kind).values():
        if name in module.NAMES:
            return cast(ReasoningFormat, module)
    raise UnknownFormat(f"there is no {_SETTINGS[kind]} '{name}'; there are {', '.join(names(kind))}, and none")


def names(kind: FormatKind) -> tuple[str, ...]:
    """Every name of every format of a kind, in the alphabet's order."""
    return tuple(sorted(name for module in _modules(kind).values() for name in module.NAMES))


@cache
def _modules(kind: FormatKind) -> Mapping[str, Any]:
    package = importlib.import_module(f"workers.parsers.{kind}")
    modules = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    files = {module.name.rpartition(".")[2]: module.name for module in modules if not module.ispkg}
    return {name: importlib.import_module(files[name]) for name in sorted(files)}
