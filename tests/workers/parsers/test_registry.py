"""Formats are found by the names of their files and by their aliases."""

from __future__ import annotations

from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest

from workers.parsers import registry
from workers.parsers.reasoning import qwen3
from workers.parsers.registry import ReasoningFormat, ToolFormat

# What mlx-openai-server takes, or says that it takes, as a reasoning parser.
REFERENCE = {
    *("hermes", "kimi_k2", "qwen3", "glm4_moe", "qwen3_moe", "qwen3_vl", "qwen3_next", "glm47_flash", "minimax_m2"),
    *("nemotron3_nano", "qwen3_5", "solar_open", "gemma4", "mixed_think_tool_handoff", "step_35", "harmony"),
}


def test_every_name_of_the_reference_server_is_found() -> None:
    assert set(registry.names("reasoning")) >= REFERENCE
    assert {"deepseek_r1", "granite"} <= set(registry.names("reasoning"))


def test_an_alias_is_its_file() -> None:
    assert registry.find("reasoning", "nemotron3_nano") is qwen3
    assert registry.find("reasoning", "deepseek_r1") is qwen3


@pytest.mark.parametrize("kind", ["tools", "reasoning"])
def test_a_module_is_called_as_its_file_and_no_name_is_taken_twice(kind: registry.FormatKind) -> None:
    for name, form in registry.formats(kind).items():
        assert form.NAMES[0] == name
    assert len(registry.names(kind)) == len(set(registry.names(kind)))
    assert "none" not in registry.names(kind)  # which turns one off


@pytest.mark.parametrize("kind", ["tools", "reasoning"])
def test_no_two_folders_have_a_file_of_one_name(kind: registry.FormatKind) -> None:
    (folder,) = import_module(f"workers.parsers.{kind}").__path__
    files = Counter(path.stem for path in Path(folder).rglob("*.py") if path.stem != "__init__")
    assert files == Counter(registry.formats(kind).keys())


@pytest.mark.parametrize(("kind", "protocol"), [("tools", ToolFormat), ("reasoning", ReasoningFormat)])
def test_a_module_holds_all_that_its_kind_must(kind: registry.FormatKind, protocol: type) -> None:
    wanted = {*protocol.__annotations__, *(name for name in vars(protocol) if not name.startswith("_"))}
    for form in registry.formats(kind).values():
        assert not [name for name in wanted if not hasattr(form, name)], form


def test_an_unknown_name_is_told_all_there_are() -> None:
    with pytest.raises(registry.UnknownFormat) as caught:
        registry.find("reasoning", "qwen4")
    assert "no reasoning_parser 'qwen4'" in str(caught.value)
    assert all(name in str(caught.value) for name in registry.names("reasoning"))
    with pytest.raises(registry.UnknownFormat, match="no tool_call_parser 'qwen4'"):
        registry.find("tools", "qwen4")
