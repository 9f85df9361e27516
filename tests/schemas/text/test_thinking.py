"""Whether and how hard to think, in every field that clients say it in, means one thing."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.fields import Body
from schemas.text.chat import ChatSchema
from schemas.text.chat_render import ChatRenderSchema
from schemas.text.thinking import EFFORTS, Wish, wish
from schemas.text.tokenize import TokenizeSchema
from tests.schemas.bodies import CHAT, refused

ALL = pytest.mark.parametrize("schema", [ChatSchema, ChatRenderSchema, TokenizeSchema])


@ALL
@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({}, Wish("")),
        ({"enable_thinking": True}, Wish("", True)),
        ({"enable_thinking": False}, Wish("", False)),
        ({"think": True}, Wish("", True)),
        ({"think": "low"}, Wish("", None, "low")),
        ({"thinking": {"type": "enabled"}}, Wish("", True)),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, Wish("", True, None, 1024)),
        ({"thinking": {"type": "disabled"}}, Wish("", False)),
        ({"thinking": {"type": "adaptive"}}, Wish("")),
        ({"reasoning": {"effort": "high"}}, Wish("", None, "high")),
        ({"reasoning": {"effort": "high", "summary": "auto", "exclude": False}}, Wish("", None, "high")),
        ({"reasoning": {"max_tokens": 100}}, Wish("", None, None, 100)),
        ({"reasoning": {"enabled": True}}, Wish("", True)),
        ({"reasoning": {}}, Wish("")),
        ({"reasoning_effort": "low", "reasoning": {"effort": "low"}, "think": "low"}, Wish("", None, "low")),
        *(({"reasoning_effort": effort}, Wish("", None, effort)) for effort in EFFORTS),
    ],
)
def test_what_is_said_about_thinking(schema: type[Body], said: dict[str, Any], meant: Wish) -> None:
    assert wish(schema().load({**CHAT, **said})) == meant


@ALL
@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({"reasoning_effort": "extreme"}, "reasoning_effort"),
        ({"enable_thinking": "yes"}, "enable_thinking"),
        ({"think": "hard"}, "think"),
        ({"think": 1}, "think"),
        ({"thinking": True}, "thinking"),
        ({"thinking": {"type": "deep"}}, "thinking.type"),
        ({"thinking": {"type": "enabled", "budget_tokens": -1}}, "thinking.budget_tokens"),
        ({"reasoning": "high"}, "reasoning"),
        ({"reasoning": {"effort": "extreme"}}, "reasoning.effort"),
        ({"enable_thinking": True, "thinking": {"type": "disabled"}}, "thinking"),
        ({"reasoning_effort": "low", "reasoning": {"effort": "high"}}, "reasoning"),
        ({"enable_thinking": True, "think": False}, "think"),
    ],
)
def test_what_is_no_wish_or_contradicts_another(schema: type[Body], said: dict[str, Any], param: str) -> None:
    assert refused(schema, {**CHAT, **said}) == ("invalid_value", param)


def test_a_budget_is_a_chat_s_budget_too() -> None:
    assert wish(ChatSchema().load({**CHAT, "thinking_token_budget": 5})).budget == 5
    assert refused(ChatSchema, {**CHAT, "thinking_budget": 5, "thinking": {"type": "enabled", "budget_tokens": 6}}) == (
        "invalid_value",
        "thinking",
    )
