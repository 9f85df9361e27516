"""Anthropic's Messages API."""

from __future__ import annotations

from random import Random
from typing import Any

from bench.fuzz.bodies.chats import SCHEMA, TOOL
from bench.fuzz.world import World

MESSAGES = "/v1/messages"


def message(world: World, chance: Random) -> dict[str, Any]:
    """A conversation as Anthropic's API has it, with all kinds of blocks in it."""
    tool = {"name": "look_up", "description": "Looks something up.", "input_schema": TOOL["function"]["parameters"]}  # type: ignore[index]
    document = {"type": "text", "media_type": "text/plain", "data": "it is"}
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "What is it?", "cache_control": {"type": "ephemeral"}}]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
                {"type": "redacted_thinking", "data": "eA=="},
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "toolu_1", "name": "look_up", "input": {"what": "it"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "it is"}]},
                {"type": "document", "source": document, "title": "it", "citations": {"enabled": False}},
                {"type": "text", "text": "word"},
            ],
        },
        {"role": "user", "content": "word"},
    ]
    told = messages[chance.choice((0, 3)) :]
    body = {"model": chance.choice((world.text, world.text, world.chat)), "messages": told, "max_tokens": 3}
    extra = (
        {"stream": True, "system": "Be brief."},
        {"tools": [tool], "tool_choice": {"type": "tool", "name": "look_up"}, "stream": True},
        {"tools": [tool], "tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
        {"tools": [{**tool, "type": "custom", "strict": True}], "system": [{"type": "text", "text": "Be brief."}]},
        {"thinking": {"type": "enabled", "budget_tokens": 3}, "stop_sequences": ["x", "y"], "stream": True},
        {"thinking": {"type": "adaptive", "display": "omitted"}, "temperature": 0.5, "top_p": 0.9, "top_k": 5},
        {"output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}}},
        {"metadata": {"user_id": "ann"}, "service_tier": "auto", "thinking": {"type": "disabled"}},
    )
    return {**body, **chance.choice(extra)}


def counted(world: World, chance: Random) -> dict[str, Any]:
    """A conversation to count."""
    asked = message(world, chance)
    return {name: asked[name] for name in ("model", "messages", "system", "tools", "thinking") if name in asked}


def message_batch(world: World, chance: Random) -> dict[str, Any]:
    """Many conversations."""
    asked = [message(world, chance) for _ in range(3)]
    for one in asked:
        one.pop("stream", None)
    return {"requests": [{"custom_id": f"request-{number}", "params": one} for number, one in enumerate(asked)]}
