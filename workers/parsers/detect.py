"""Which formats a model writes, by its chat template and special tokens, unless the models' file names them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from workers.parsers import registry

NONE = "none"  # as a flag: read no calls, or no thinking
_TOOLS = re.compile(r"{[{%][^}]*\b(tools|available_tools|builtin_tools|custom_tools)\b")


@dataclass(frozen=True)
class Detected:
    """The formats' names, None where there is none, and a sentence each that says why."""

    tools: str | None
    reasoning: str | None
    tools_because: str
    reasoning_because: str


def detect(template: str, tokens: Iterable[str] = ()) -> Detected:
    """What a chat template shows, and for the thinking the special tokens where the template is silent."""
    tools, tools_because = _tools(template)
    reasoning, reasoning_because = _reasoning(template, "\n".join(tokens))
    return Detected(tools, reasoning, tools_because, reasoning_because)


def chosen(template: str, tokens: Iterable[str], tools: str | None, reasoning: str | None) -> Detected:
    """What `detect` finds where these names are None; "none" turns a format off. Raises registry.UnknownFormat."""
    detected = detect(template, tokens)
    tools, tools_because = _named("tools", tools) if tools else (detected.tools, detected.tools_because)
    reasoning, reasoning_because = (
        _named("reasoning", reasoning) if reasoning else (detected.reasoning, detected.reasoning_because)
    )
    return Detected(tools, reasoning, tools_because, reasoning_because)


def _named(kind: registry.FormatKind, name: str) -> tuple[str | None, str]:
    if name == NONE:
        return None, "It is turned off by name."
    # Only the overloads tell the kinds apart.
    chosen_format = registry.find("tools", name) if kind == "tools" else registry.find("reasoning", name)
    return chosen_format.NAMES[0], f"It is chosen by the name '{name}'."


def _tools(template: str) -> tuple[str | None, str]:
    if name := _highest("tools", template):
        return name, f"The chat template {_holding(registry.formats('tools')[name].MARKERS, template)}."
    if not template:
        return None, "There is no chat template."
    if _TOOLS.search(template):
        return None, "The chat template shows tools to the model, but in no format that is known here."
    return None, "The chat template takes no tools."


def _reasoning(template: str, tokens: str) -> tuple[str | None, str]:
    for place, text in (("chat template", template), ("vocabulary", tokens)):
        if name := _highest("reasoning", text):
            return name, f"The {place} {_holding(registry.formats('reasoning')[name].MARKERS, text)}."
    if not template:
        return None, "There is no chat template, and no special token of a known way to think."
    return None, "Neither the chat template nor a special token has a marker of a known way to think."


def _highest(kind: registry.FormatKind, text: str) -> str | None:
    """Of the formats that recognise a text the one of the highest rank."""
    formats: Mapping[str, registry.ToolFormat] | Mapping[str, registry.ReasoningFormat]
    formats = registry.formats("tools") if kind == "tools" else registry.formats("reasoning")
    recognised = [(-form.RANK, name) for name, form in formats.items() if form.recognises(text)]
    return min(recognised)[1] if recognised else None


def _holding(markers: Iterable[str], text: str) -> str:
    present = [marker for marker in markers if marker in text]
    return f"holds {' and '.join(present)}" if present else "is of this family"
