"""Requests meant to hurt are answered with what is wrong about them, and others are answered meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.support.servers import Stack, Valkey, running
from tests.workers.engines.text import tiny

CALL: Any = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "[" * 20_000}}
CALLED: Any = [{"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "1", "content": "2"}]


@pytest.fixture(scope="module")
def stack(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("bounds")
    model = {"served_model_name": "tiny", "model_type": "lm", "model_path": str(tiny.save(folder / "model"))}
    yield from running(Stack(valkey, folder / "home", [model], MLXQ_API_KEYS="alpha,beta"), within=120)


def post(stack: Stack, path: str, key: str = "alpha", **body: Any) -> httpx.Response:
    return httpx.post(
        f"{stack.url}/v1/{path}",
        json={"model": "tiny", **body},
        headers={"Authorization": f"Bearer {key}"},
        timeout=120,
    )


def user(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("tokenize", {"prompt": "a" * 10_000_000}, "prompt"),
        ("tokenize", {"prompt": "a b" * 10_000_000}, "prompt"),
        ("chat/completions", {"messages": user("a" * 10_000_000)}, "messages"),
        ("completions", {"prompt": "a b" * 10_000_000}, "prompt"),
    ],
)
def test_what_cannot_fit_is_refused_and_others_are_answered_meanwhile(
    stack: Stack, path: str, body: Any, param: str
) -> None:
    with ThreadPoolExecutor(4) as pool:
        large = [pool.submit(post, stack, path, **body) for _ in range(3)]
        began = time.monotonic()
        answer = post(stack, "chat/completions", "beta", messages=user("hi"), max_tokens=2)
        took = time.monotonic() - began
        refused = [one.result() for one in large]
    assert answer.status_code == 200 and took < 60
    for one in refused:
        error = one.json()["error"]
        assert (one.status_code, error["code"], error["param"]) == (400, "context_length_exceeded", param)


def test_one_key_s_prompts_tell_another_nothing(stack: Stack) -> None:
    text = "What only alpha knows, in quite a lot of words. " * 8
    cached = []
    for key in ("alpha", "beta", "alpha"):
        usage = post(stack, "completions", key, prompt=text, max_tokens=1).json()["usage"]
        cached.append(usage["prompt_tokens_details"]["cached_tokens"])
    assert cached[:2] == [0, 0] and cached[2] > 100


@pytest.mark.parametrize("path", ["chat/completions", "chat/render"])
def test_arguments_of_any_depth_are_no_error_of_the_server(stack: Stack, path: str) -> None:
    found = post(stack, path, messages=CALLED, **({"max_tokens": 1} if path == "chat/completions" else {}))
    assert found.status_code in (200, 400), found.text


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"guided_grammar": "start: start"}, "guided_grammar"),
        ({"guided_regex": r"[^\s\S]"}, "guided_regex"),
        ({"guided_json": {"type": "string", "minLength": 2, "maxLength": 1}}, "guided_json"),
        ({"guided_json": {"enum": []}}, "guided_json"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"$ref": "#"}}}},
            "response_format.json_schema.schema",
        ),
        ({"guided_choice": []}, "guided_choice"),
    ],
)
def test_what_nothing_can_satisfy_is_named(stack: Stack, fields: Any, param: str) -> None:
    found = post(stack, "chat/completions", messages=user("hi"), max_tokens=4, **fields)
    assert (found.status_code, found.json()["error"]["param"]) == (400, param)


def test_a_schema_full_of_references_to_itself_costs_nobody_anything(stack: Stack) -> None:
    schema = {"type": "object", "properties": {"a": {"anyOf": [{"$ref": "#/properties/a"} for _ in range(20)]}}}
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    found = post(stack, "chat/completions", messages=user("hi"), max_tokens=4, tools=[tool])
    assert found.status_code == 200
