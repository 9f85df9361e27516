"""Responses, and conversations that they can belong to."""

from __future__ import annotations

from random import Random
from typing import Any

from bench.fuzz.bodies.chats import SCHEMA, TOOL
from bench.fuzz.bodies.media import data_url, png
from bench.fuzz.world import World

ITEM = "msg_known"  # the id of an item that every conversation has


def response_input(world: World, chance: Random) -> dict[str, Any]:
    """An input of a response, as a text or as items."""
    items = [
        {"role": "developer", "content": "Be brief."},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "What is it?"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "function_call", "call_id": "call_1", "name": "look_up", "arguments": '{"what": "it"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": [{"type": "input_text", "text": "it is"}]},
        {"role": "user", "content": "word"},
    ]
    sent: Any = "word" if chance.random() < 0.3 else items[chance.choice((0, 1, 5)) :]
    return {"model": world.text, "input": sent, **chance.choice(({}, {"instructions": "Be kind."}))}


def response(world: World, chance: Random) -> dict[str, Any]:
    """A response of a few words, made now or in the background, or one that goes on from another."""
    tool = {"type": "function", **TOOL["function"]}  # type: ignore[dict-item]
    extra: tuple[dict[str, Any], ...] = (
        {"stream": True, "stream_options": {"include_obfuscation": False}},
        {"background": True, "metadata": {"run": "1"}},
        {"background": True, "stream": True},
        {"tools": [tool], "tool_choice": {"type": "function", "name": "look_up"}, "parallel_tool_calls": False},
        {"tools": [tool, {"type": "custom", "name": "write"}], "tool_choice": "required", "stream": True},
        {"text": {"format": {"type": "json_schema", "name": "it", "schema": SCHEMA}, "verbosity": "low"}},
        {"reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"]},
        {"top_logprobs": 1, "include": ["message.output_text.logprobs"], "store": False},
        {"truncation": "auto", "temperature": 0, "top_p": 1, "service_tier": "auto", "prompt_cache_key": "k"},
        {"previous_response_id": world.response(chance)},
        {"conversation": world.conversation(chance), "store": chance.random() < 0.5},
    )
    return {**response_input(world, chance), "max_output_tokens": 3, **chance.choice(extra)}


def items(world: World, chance: Random) -> dict[str, Any]:
    """Items of every type, for a conversation."""
    del world
    call = {"call_id": "call_1", "name": "look_up"}
    picture = {"type": "input_image", "image_url": data_url(png(8), "image/png"), "detail": "low"}
    said = {"type": "output_text", "text": "it is", "annotations": []}
    told = (
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "What is it?"}]},
        {"role": "user", "content": [picture]},
        {"type": "message", "role": "assistant", "content": [said]},
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
        {"type": "function_call", **call, "arguments": "{}", "status": "completed"},
        {"type": "function_call_output", "call_id": "call_1", "output": "a cat"},
        {"type": "custom_tool_call", **call, "input": "it"},
        {"type": "custom_tool_call_output", "call_id": "call_1", "output": [{"type": "input_text", "text": "a cat"}]},
    )
    return {"items": [chance.choice(told) for _ in range(chance.choice((1, 2, 5)))]}


def conversation(world: World, chance: Random) -> dict[str, Any]:
    """A conversation to begin."""
    first = {"type": "message", "id": ITEM, "role": "user", "content": "Hello!"}
    return {"items": [first, *items(world, chance)["items"]], "metadata": {"a": "b"}}
