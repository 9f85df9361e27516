"""Chats, completions, and what shows a conversation's tokens."""

from __future__ import annotations

from random import Random
from typing import Any

from bench.fuzz.world import World

CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "Looks something up.",
        "parameters": {
            "type": "object",
            "properties": {"what": {"type": "string"}, "most": {"type": "integer", "minimum": 1, "maximum": 9}},
            "required": ["what"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}
SCHEMA = {
    "type": "object",
    "$defs": {"name": {"type": "string", "minLength": 1, "maxLength": 20, "pattern": "^[a-z]+$"}},
    "properties": {
        "name": {"$ref": "#/$defs/name"},
        "kind": {"enum": ["a", "b", 1, None]},
        "sizes": {"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": 3},
        "more": {"anyOf": [{"type": "boolean"}, {"type": "object", "properties": {"at": {"const": "x"}}}]},
        "day": {"type": "string", "format": "date"},
    },
    "required": ["name", "kind"],
    "additionalProperties": False,
}
REGEXES = ("[a-z]{1,5}", "(yes|no)", r"\d{3}-\d{4}", r"a+b*c?", r"[^\n]{1,10}", r"(?i)ab|cd", r"\w+@\w+\.(com|org)")
GRAMMARS = (
    'start: "yes" | "no"',
    'start: expr\nexpr: term ("+" term)*\nterm: NUMBER\nNUMBER: /[0-9]+/',
    'start: item+\nitem: "- " WORD "\\n"\nWORD: /[a-z]{1,8}/',
    'root ::= "a" root | "b"',
)


def chat(world: World, chance: Random) -> dict[str, Any]:
    """A conversation with tools and calls in it, whose answer is a few words."""
    called = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": '{"what": "it"}'}}
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "What is it?"}], "name": "ann"},
        {"role": "assistant", "content": None, "tool_calls": [called], "reasoning_content": "hm"},
        {"role": "tool", "content": "it is", "tool_call_id": "call_1"},
        {"role": "user", "content": "word"},
    ]
    body: dict[str, Any] = {"model": world.text, "messages": messages[chance.choice((0, 2, 4)) :], "max_tokens": 3}
    if body["messages"][0]["role"] == "assistant":
        body["messages"] = messages[:2] + messages[2:]
    extra = (
        {"stream": True, "stream_options": {"include_usage": True}},
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "look_up"}}},
        {"functions": [TOOL["function"]], "function_call": {"name": "look_up"}, "stream": True},
        {"tools": [TOOL], "tool_choice": "required", "parallel_tool_calls": False, "stream": True},
        {
            "tools": [TOOL],
            "tool_choice": {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "look_up"}}]},
            },
        },
        {"logprobs": True, "top_logprobs": 2, "n": 2, "seed": 7},
        {"temperature": 0.5, "top_p": 0.9, "top_k": 5, "min_p": 0.1, "stop": ["x", "y"], "logit_bias": {"5": -100}},
        {"presence_penalty": 1, "frequency_penalty": 0.5, "repetition_penalty": 1.1, "repetition_context_size": 20},
        {"xtc_probability": 0.5, "xtc_threshold": 0.1, "thinking_budget": 3, "reasoning_effort": "low"},
        {"chat_template_kwargs": {"enable_thinking": False}, "metadata": {"a": "b"}, "user": "ann"},
    )
    return {**body, **chance.choice(extra)}


def guided(world: World, chance: Random) -> dict[str, Any]:
    """A chat with the real model whose answer is held to a form."""
    form = chance.choice(
        (
            {"guided_regex": chance.choice(REGEXES)},
            {"guided_grammar": chance.choice(GRAMMARS)},
            {"guided_json": SCHEMA},
            {"guided_choice": ["yes", "no", "it is"]},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "x", "schema": SCHEMA, "strict": True},
                }
            },
            {"response_format": {"type": "json_object"}},
            {"structured_outputs": {chance.choice(("regex", "grammar")): chance.choice(GRAMMARS)}},
            {"tools": [TOOL], "tool_choice": "required"},
            {"tools": [TOOL]},
        )
    )
    return {"model": world.chat, "messages": [{"role": "user", "content": "word"}], "max_tokens": 3, **form}


def spoken(world: World, chance: Random) -> dict[str, Any]:
    """A chat with the real model that is held to nothing."""
    return {**chat(world, chance), "model": world.chat}


def kept(world: World, chance: Random) -> dict[str, Any]:
    """A chat whose answer is stored."""
    return {**chat(world, chance), "store": True, "metadata": {"a": "b"}}


def completion(world: World, chance: Random) -> dict[str, Any]:
    """A text to go on with."""
    prompt = chance.choice(("word", ["word", "other"], [1, 2, 3], [[1, 2], [3]]))
    model = chance.choice((world.text, world.text, world.text, world.chat))
    extra = chance.choice(({}, {"echo": True, "logprobs": 1}, {"n": 2, "best_of": 2, "stop": "x"}, {"stream": True}))
    return {"model": model, "prompt": prompt, "max_tokens": 3, **extra}


def tokenized(world: World, chance: Random) -> dict[str, Any]:
    """A text or a conversation to count."""
    model = {"model": chance.choice((world.text, world.chat))}
    turns = chat(world, chance)["messages"]
    return {
        **model,
        **chance.choice(({"prompt": "word", "add_special_tokens": True}, {"messages": turns, "tools": [TOOL]})),
    }


def rendered(world: World, chance: Random) -> dict[str, Any]:
    """A conversation to see as the model does."""
    turns = chat(world, chance)["messages"]
    return {"model": chance.choice((world.text, world.chat)), "messages": turns, "add_generation_prompt": True}


def detokenized(world: World, chance: Random) -> dict[str, Any]:
    """Token ids to read."""
    return {"model": chance.choice((world.text, world.chat)), "tokens": [1, 2, 300]}
