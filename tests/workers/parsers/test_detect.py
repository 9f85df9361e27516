"""What a chat template tells of a model's formats, and what a flag says instead."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from tests.workers.parsers import templates
from tests.workers.parsers.calls import CallFormat
from workers.parsers import registry
from workers.parsers.detect import Detected, chosen, detect

TEMPLATES = [(name, template) for name, published in templates.THINKING.items() for template in published]


@pytest.fixture
def one_tool_format(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tool formats are `calls` alone."""
    modules = registry._modules

    def found(kind: registry.Kind) -> Any:
        return MappingProxyType({"calls": CallFormat()}) if kind == "tools" else modules(kind)

    monkeypatch.setattr(registry, "_modules", found)


@pytest.mark.parametrize(("name", "template"), TEMPLATES)
def test_a_published_template_is_recognised(name: str, template: str) -> None:
    found = detect(template)
    assert found.reasoning == name
    assert found.reasoning_because.startswith("The chat template holds ")


@pytest.mark.parametrize("template", templates.SILENT)
def test_a_template_of_a_model_that_does_not_think_is_none_s(template: str) -> None:
    found = detect(template)
    assert found.reasoning is None and "marker" in found.reasoning_because


def test_the_reason_names_the_markers_seen() -> None:
    assert detect(templates.QWEN3).reasoning_because == "The chat template holds <think> and </think>."


def test_special_tokens_tell_where_the_template_is_silent() -> None:
    found = detect(templates.CHATML, ["<|im_start|>", "<think>", "</think>"])
    assert found.reasoning == "qwen3"
    assert found.reasoning_because == "The vocabulary holds <think> and </think>."
    assert detect(templates.GEMMA_4, ["<think>", "</think>"]).reasoning == "gemma4"


@pytest.mark.usefixtures("one_tool_format")
def test_tools_are_detected_by_their_markers() -> None:
    found = detect("{%- if tools %}Call with <call>NAME {}</call>{%- endif %}")
    assert (found.tools, found.tools_because) == ("calls", "The chat template holds <call>.")


@pytest.mark.usefixtures("one_tool_format")
@pytest.mark.parametrize(
    ("template", "because"),
    [
        ("", "There is no chat template."),
        (templates.CHATML, "The chat template takes no tools."),
        (templates.MISTRAL, "The chat template shows tools to the model, but in no format that is known here."),
        (templates.LLAMA_3, "The chat template shows tools to the model, but in no format that is known here."),
    ],
)
def test_no_tool_format_has_its_reason_too(template: str, because: str) -> None:
    found = detect(template)
    assert (found.tools, found.tools_because) == (None, because)


@pytest.mark.usefixtures("one_tool_format")
def test_a_flag_goes_before_the_template() -> None:
    found = chosen(templates.QWEN3, [], "fake", "nemotron3_nano")
    assert found == Detected(
        "calls", "qwen3", "It is chosen by the name 'fake'.", "It is chosen by the name 'nemotron3_nano'."
    )
    assert chosen(templates.QWEN3, [], None, None) == detect(templates.QWEN3)


@pytest.mark.usefixtures("one_tool_format")
def test_none_turns_a_format_off() -> None:
    found = chosen("<call>" + templates.QWEN3, [], "none", "none")
    assert (found.tools, found.reasoning) == (None, None)
    assert found.tools_because == found.reasoning_because == "It is turned off by name."


def test_an_unknown_flag_is_refused() -> None:
    with pytest.raises(registry.UnknownFormat, match="no tool_call_parser 'x'"):
        chosen("", [], "x", None)
    with pytest.raises(registry.UnknownFormat, match="no reasoning_parser 'x'"):
        chosen("", [], None, "x")
