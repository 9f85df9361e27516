"""How a model's answers are read, and what they must look like, for one request."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tasks.values.requests import ChatRequest, Sampling, Tool
from workers.engines.text.output.input_call import INPUT, InputCall
from workers.engines.text.requester import ANYBODY, Requester
from workers.engines.text.sampling.grammar import Grammars, Layout, check_schema
from workers.engines.text.sampling.guide import Guide
from workers.parsers import detect, registry
from workers.parsers.grammar_parts import GrammarPart, Lark
from workers.parsers.layouts import LARK
from workers.parsers.marker_parser import MarkerParser, nothing
from workers.parsers.parser_events import Parser
from workers.parsers.registry import ReasoningFormat, ToolFormat

_UNTAUGHT = "hermes"  # the format that models are told of whose template knows no tools
_ORDINARY = ("{", "[")  # begin calls in some formats, and much else that is none
_MOST = 16  # calls in an answer that must hold some


@dataclass(frozen=True)
class Formats:
    """What a model's template and the models' file say of its answers.

    `tools` is None where they are turned off; `taught` says that the template, whose text is kept, shows tools to the
    model in that format.
    """

    tools: ToolFormat | None
    reasoning: ReasoningFormat | None
    taught: bool
    template: str = ""

    @property
    def written(self) -> ToolFormat:
        """How calls stand in a prompt where the template has no place for them."""
        return self.tools or registry.find("tools", _UNTAUGHT)

    @classmethod
    def of(cls, template: str, tokens: Iterable[str], tools: str | None, reasoning: str | None) -> Formats:
        """The formats of a chat template and its special tokens, or those that the flags name."""
        detected = detect.chosen(template, tokens, tools, reasoning)
        return cls(
            None if tools == detect.NONE else registry.find("tools", detected.tools or _UNTAUGHT),
            registry.find("reasoning", detected.reasoning) if detected.reasoning else None,
            taught=detected.tools is not None and re.search(r"\btools\b", template) is not None,
            template=template,
        )


@dataclass(frozen=True)
class AnswerFormat:
    """How the answers of one request are read.

    `begun` says that the prompt leaves the model thinking; `budget` is how many tokens it may think before `close`,
    tokens, ends that. Without `parallel` the first call ends an answer. Where there is an `only` tool the answer is, as
    a whole, what that is given.
    """

    reasoning: ReasoningFormat | None = None
    tools: ToolFormat | None = None
    schemas: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    begun: bool = False
    budget: int | None = None
    close: tuple[int, ...] = ()
    parallel: bool = True
    only: Tool | None = None

    def over(self, thought: int) -> bool:
        """Whether `thought` tokens of thinking are as many as there may be."""
        return self.budget is not None and thought >= self.budget

    def together(self, thought: int) -> int:
        """How many tokens may come at once after `thought` of thinking, so that none is thought beyond the budget."""
        return sys.maxsize if self.budget is None else max(1, self.budget - thought)

    def parser(self) -> Parser:
        """A parser of one answer."""
        if self.only is not None:
            return InputCall(self._parser(None), self.only.name)
        return self._parser(self.tools.parser(self.schemas) if self.tools else None)

    def _parser(self, calls: MarkerParser | None) -> Parser:
        if self.reasoning:
            return self.reasoning.parser(self.begun, calls)
        return calls or MarkerParser((), nothing)


def bound_tool(request: ChatRequest) -> Tool | None:
    """The tool that an answer has to call, where it can be one only and what that is given must have a form."""
    choice = request.tool_choice
    tools = [tool for tool in request.tools if choice.name in (None, tool.name)]
    return tools[0] if choice.mode == "required" and len(tools) == 1 and tools[0].form else None


def guide(
    request: Sampling, formats: Formats, grammars: Grammars, answer_format: AnswerFormat, requester: Requester = ANYBODY
) -> Guide | None:
    """What holds a request's answers to what was asked for; raises InvalidValue for what cannot be enforced."""
    prelude = answer_format.reasoning.prelude(answer_format.begun) if answer_format.reasoning else ()
    constraint = request.constraint if answer_format.only is None else answer_format.only.form
    if isinstance(request, ChatRequest) and answer_format.tools is not None:
        bound = constraint is None and any(tool.form for tool in request.tools)
        if request.tool_choice.mode == "required" or (bound and _marker(request, answer_format) is not None):
            return _calls(request, answer_format, formats.taught, grammars, prelude, requester)
    if constraint is None:
        return None
    before = [answer_format.reasoning.ANSWER] if answer_format.reasoning and answer_format.reasoning.ANSWER else []
    return grammars.answer(constraint, [*prelude, *before], requester)


def _calls(
    request: ChatRequest,
    answer_format: AnswerFormat,
    taught: bool,
    grammars: Grammars,
    prelude: Sequence[GrammarPart],
    requester: Requester,
) -> Guide:
    choice, written = request.tool_choice, answer_format.tools
    assert written is not None  # noqa: S101  (whoever calls this has looked)
    for index, tool in enumerate(request.tools):
        check_schema(enforced(tool), f"tools[{index}].function.parameters")
    tools = [tool for tool in request.tools if choice.name in (None, tool.name)]
    for tool in tools:
        if tool.form is not None:
            grammars.check(tool.form, requester)
    # A model that was never taught to call tools does not know when it has called enough.
    most = _MOST if choice.parallel and taught else 1
    layouts = [Layout(written.layout(tool.name, enforced(tool)), lenient=_lenient(tool)) for tool in tools]
    frame = (written.BEFORE, written.BETWEEN, written.AFTER)
    marker = None if choice.mode == "required" else _marker(request, answer_format)
    return grammars.calls(layouts, frame, most, prelude, "tools", requester, marker=marker)


def _marker(request: ChatRequest, answer_format: AnswerFormat) -> str | None:
    """What tells a call from any other text of an answer; None where nothing does, or other marks stand around it."""
    written, reasoning = answer_format.tools, answer_format.reasoning
    if written is None or (reasoning is not None and reasoning.ANSWER):
        return None
    parts = [written.layout(tool.name, enforced(tool))[0] for tool in request.tools]
    begins = [written.BEFORE] if written.BEFORE else [part if isinstance(part, str) else "" for part in parts]
    markers = [marker for marker in written.MARKERS if all(text.startswith(marker) for text in begins)]
    return max((marker for marker in markers if marker not in _ORDINARY), key=len, default=None)


def enforced(tool: Tool) -> Mapping[str, Any]:
    """The schema that a tool's arguments are held to: an object, with nothing in it that is not declared.

    A grammar binds the text of a custom tool where a format writes strings as they are, and a regular expression in
    every format: of a grammar's texts nobody can say how they would stand in a JSON string.
    """
    schema = {"type": "object", "properties": {}, "additionalProperties": False, **tool.parameters}
    if tool.form is None:
        return schema
    bound = {"pattern": f"^(?:{tool.form.source})$"} if tool.form.kind == "regex" else {LARK: Lark(tool.form.source)}
    return {**schema, "properties": {INPUT: {"type": "string", **bound}}}


def _lenient(tool: Tool) -> bool:
    """Whether what cannot be enforced of a tool's schema is left to the model."""
    return not tool.strict and (tool.form is None or tool.form.kind != "regex")
