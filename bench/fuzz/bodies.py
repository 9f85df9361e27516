"""Bodies that the endpoints take, of every shape that they take."""

from __future__ import annotations

import base64
import struct
import zlib
from random import Random
from typing import Any

from bench.fuzz.request import Part
from bench.fuzz.world import World, line

CHAT, COMPLETIONS, EMBEDDINGS = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"
MESSAGES = "/v1/messages"
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


def png(side: int = 64) -> bytes:
    """A grey picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress((b"\0" + b"\x80\x80\x80" * side) * side)
    head = struct.pack(">2I5B", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def wav(seconds: float = 0.2) -> bytes:
    """Silence."""
    data = bytes(int(seconds * 16_000) * 2)
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + len(data),
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        16_000,
        32_000,
        2,
        16,
        b"data",
        len(data),
    )
    return head + data


def _shown(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


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


def completion(world: World, chance: Random) -> dict[str, Any]:
    """A text to go on with."""
    prompt = chance.choice(("word", ["word", "other"], [1, 2, 3], [[1, 2], [3]]))
    model = chance.choice((world.text, world.text, world.text, world.chat))
    extra = chance.choice(({}, {"echo": True, "logprobs": 1}, {"n": 2, "best_of": 2, "stop": "x"}, {"stream": True}))
    return {"model": model, "prompt": prompt, "max_tokens": 3, **extra}


def embedding(world: World, chance: Random) -> dict[str, Any]:
    """Texts to embed."""
    inputs = chance.choice(("word", ["a", "b"], [1, 2, 3], [[1, 2], [3]]))
    extra = chance.choice(({}, {"truncate": "START"}, {"truncate_prompt_tokens": 2}, {"input_type": "query"}))
    model = chance.choice((world.text, world.vectors))
    return {"model": model, "input": inputs, "encoding_format": "base64", **extra}


def reranked(world: World, chance: Random) -> dict[str, Any]:
    """Documents to sort."""
    documents = chance.choice((["a", "bb"], [{"text": "a", "title": "b"}, "c"], ["a"] * 30))
    extra = (
        {"top_n": 1, "return_documents": True, "max_tokens_per_doc": 9},
        {"return_documents": False, "max_chunks_per_doc": 2, "rank_fields": ["text"], "priority": 1},
        {"truncate_prompt_tokens": -1, "use_activation": False},
        {"instruction": "Find it."},
    )
    return {"model": world.text, "query": "word", "documents": documents, **chance.choice(extra)}


def scored(world: World, chance: Random) -> dict[str, Any]:
    """Pairs of texts to score."""
    pairs = (
        {"text_1": "word", "text_2": ["a", "b"]},
        {"queries": ["a", "b"], "documents": ["c", "d"]},
        {"data_1": ["word"], "data_2": "a", "truncate_prompt_tokens": 9},
    )
    return {"model": world.text, **chance.choice(pairs)}


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


def picture(world: World, chance: Random) -> dict[str, Any]:
    """A picture to draw."""
    extra = chance.choice(({}, {"n": 2, "seed": 5}, {"response_format": "url"}, {"stream": True, "partial_images": 1}))
    more = {"output_format": "jpeg", "output_compression": 50, "quality": "low", "user": "ann"}
    return {"model": world.drawing, "prompt": "a cat", "size": "64x64", "steps": 2, **extra, **more}


def changed(world: World, chance: Random) -> dict[str, Any]:
    """A picture to change, in JSON."""
    return {"model": world.editing, "prompt": "a dog", "image": _shown(png(), "image/png"), "size": "64x64", "steps": 2}


def changed_form(world: World, chance: Random) -> tuple[Part, ...]:
    images = [Part("image[]", png(), "a.png", "image/png")] * chance.choice((1, 2))
    fields = {"model": world.editing, "prompt": "a dog", "size": "64x64", "steps": "2", "n": "1", "seed": "3"}
    return (*(Part(name, value.encode()) for name, value in fields.items()), *images)


def varied(world: World, chance: Random) -> tuple[Part, ...]:
    fields = {"model": world.drawing, "size": "64x64", "steps": "2", "image_strength": "0.5"}
    return (*(Part(name, value.encode()) for name, value in fields.items()), Part("image", png(), "a.png", "image/png"))


def recording(world: World, chance: Random) -> tuple[Part, ...]:
    fields = {"model": world.speech, "language": "en", "prompt": "word", "response_format": "json", "temperature": "0"}
    more = chance.choice(
        (
            {},
            {"response_format": "verbose_json", "timestamp_granularities[]": "word"},
            {"response_format": chance.choice(("srt", "vtt", "text")), "hotwords": "word"},
            {"stream": "true", "include[]": "logprobs"},
            {"chunking_strategy[type]": "server_vad", "chunking_strategy[threshold]": "0.4", "keywords[]": "word"},
            {"vad_filter": "true", "task": "transcribe"},
            {"condition_on_previous_text": "true"},
        )
    )
    parts = [Part(name, value.encode()) for name, value in {**fields, **more}.items()]
    return (*parts, Part("file", wav(), "a.wav", "audio/wav"))


def translated(world: World, chance: Random) -> tuple[Part, ...]:
    fields = {"model": world.speech, "prompt": "word", "response_format": "json", "temperature": "0"}
    return (*(Part(name, value.encode()) for name, value in fields.items()), Part("file", wav(), "a.wav", "audio/wav"))


def upload(world: World, chance: Random) -> tuple[Part, ...]:
    expiry = (Part("expires_after[anchor]", b"created_at"), Part("expires_after[seconds]", b"3600"))
    lines = "\n".join(line(number, CHAT, chat(world, chance)) for number in range(3)).encode()
    if chance.random() < 0.5:
        return (Part("purpose", b"user_data"), *expiry, Part("file", b"some bytes", "a.txt", "text/plain"))
    return (Part("purpose", b"batch"), Part("file", lines, "a.jsonl", "application/jsonl"))


def batch(world: World, chance: Random) -> dict[str, Any]:
    """Lines to run."""
    more = chance.choice(({}, {"output_expires_after": {"anchor": "created_at", "seconds": 3600}}))
    return {
        "input_file_id": world.lines(chance),
        "endpoint": CHAT,
        "completion_window": "24h",
        "metadata": {"a": "b"},
        **more,
    }


def key(world: World, chance: Random) -> dict[str, Any]:
    """An API key with limits."""
    del world
    limits = {"concurrent_requests": 4, "requests_per_minute": 60, "unfinished_jobs": 10}
    return {"label": "someone", "expires_in": chance.choice((60, 3600)), **limits}


def job(world: World, chance: Random) -> dict[str, Any]:
    """Some endpoint's call as a job."""
    url, make = chance.choice(
        ((CHAT, chat), (COMPLETIONS, completion), (EMBEDDINGS, embedding), ("/v1/tokenize", tokenized))
    )
    told = {"metadata": {"run": "1"}, "labels": ["a", "b"], "priority": 1, "ttl": 60}
    hook = {"webhook": {"url": "http://127.0.0.1:1/hook", "events": ["job.succeeded"]}}
    return {"url": url, "body": make(world, chance), **told, **chance.choice(({}, {}, hook))}


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
    )
    return {**response_input(world, chance), "max_output_tokens": 3, **chance.choice(extra)}


def kept(world: World, chance: Random) -> dict[str, Any]:
    """A chat whose answer is stored."""
    return {**chat(world, chance), "store": True, "metadata": {"a": "b"}}


def described(world: World, chance: Random) -> dict[str, Any]:
    """Other metadata of what is stored."""
    del world
    return {"metadata": chance.choice(({"a": "b"}, {"run": "1", "c": ""}, {}, None))}


ITEM = "msg_known"  # the id of an item that every conversation has


def items(world: World, chance: Random) -> dict[str, Any]:
    """Items of every type, for a conversation."""
    del world
    call = {"call_id": "call_1", "name": "look_up"}
    picture = {"type": "input_image", "image_url": _shown(png(8), "image/png"), "detail": "low"}
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
