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

    def only_calls(kind: registry.FormatKind) -> Any:
        return MappingProxyType({"calls": CallFormat()}) if kind == "tools" else modules(kind)

    monkeypatch.setattr(registry, "_modules", only_calls)


@pytest.mark.parametrize(("name", "template"), TEMPLATES)
def test_a_published_template_is_recognised(name: str, template: str) -> None:
    detected = detect(template)
    assert detected.reasoning == name
    assert detected.reasoning_because.startswith("The chat template holds ")


@pytest.mark.parametrize("template", templates.SILENT)
def test_a_template_of_a_model_that_does_not_think_is_none_s(template: str) -> None:
    detected = detect(template)
    assert detected.reasoning is None and "marker" in detected.reasoning_because


def test_the_reason_names_the_markers_seen() -> None:
    assert detect(templates.QWEN3).reasoning_because == "The chat template holds <think> and </think>."


def test_special_tokens_tell_where_the_template_is_silent() -> None:
    detected = detect(templates.CHATML, ["<|im_start|>", "<think>", "</think>"])
    assert detected.reasoning == "qwen3"
    assert detected.reasoning_because == "The vocabulary holds <think> and </think>."
    assert detect(templates.GEMMA_4, ["<think>", "</think>"]).reasoning == "gemma4"


@pytest.mark.usefixtures("one_tool_format")
def test_tools_are_detected_by_their_markers() -> None:
    detected = detect("{%- if tools %}Call with <call>NAME {}</call>{%- endif %}")
    assert (detected.tools, detected.tools_because) == ("calls", "The chat template holds <call>.")


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
    detected = detect(template)
    assert (detected.tools, detected.tools_because) == (None, because)


@pytest.mark.usefixtures("one_tool_format")
def test_a_flag_goes_before_the_template() -> None:
    detected = chosen(templates.QWEN3, [], "fake", "nemotron3_nano")
    assert detected == Detected(
        "calls", "qwen3", "It is chosen by the name 'fake'.", "It is chosen by the name 'nemotron3_nano'."
    )
    assert chosen(templates.QWEN3, [], None, None) == detect(templates.QWEN3)


@pytest.mark.usefixtures("one_tool_format")
def test_none_turns_a_format_off() -> None:
    detected = chosen("<call>" + templates.QWEN3, [], "none", "none")
    assert (detected.tools, detected.reasoning) == (None, None)
    assert detected.tools_because == detected.reasoning_because == "It is turned off by name."


def test_an_unknown_flag_is_refused() -> None:
    with pytest.raises(registry.UnknownFormat, match="no tool_call_parser 'x'"):
        chosen("", [], "x", None)
    with pytest.raises(registry.UnknownFormat, match="no reasoning_parser 'x'"):
        chosen("", [], None, "x")
