"""`POST /v1/messages`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response

from schemas.answers import messages as answers
from schemas.messages.messages import MessagesSchema, rules
from tasks.values.job import RenderOptions
from tasks.values.messages import Message
from tasks.values.requests import ChatRequest, Constraint, Tool, ToolChoice
from web import calls
from web.api.messages import turns
from web.api.text import shared as text
from web.endpoint import Endpoint, for_anyone
from web.http.anthropic import ANTHROPIC
from web.openapi.operation import SSE, operation
from web.render.messages import messages as render

blueprint = Blueprint("messages", __name__)
_MODES: Mapping[str, Any] = {"any": "required", "tool": "required"}
_SAMPLING = ("adapter", "max_tokens", "temperature", "top_p", "top_k")


def payload(data: Mapping[str, Any]) -> ChatRequest:
    """What a checked body asks of a model."""
    choice, thinking = data.get("tool_choice", {"type": "auto"}), data.get("thinking", {"type": "disabled"})
    return ChatRequest(
        **conversation(data),
        **{name: data[name] for name in _SAMPLING if name in data},
        stop=data.get("stop_sequences", ()),
        constraint=next((Constraint(*rule) for rule in rules(data)), None),
        tool_choice=ToolChoice(
            _MODES.get(choice["type"], choice["type"]),
            choice.get("name"),
            not choice.get("disable_parallel_tool_use", False),
        ),
        thinking_budget=0 if thinking["type"] == "disabled" else thinking.get("budget_tokens"),
    )


def conversation(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `ChatRequest` and `RenderRequest` that say what the model reads."""
    effort = data.get("output_config", {}).get("effort")
    thinks = data.get("thinking", {"type": "disabled"})["type"] != "disabled"
    system = [Message("system", data["system"])] if data.get("system") else []
    messages = (*system, *turns.messages(data["messages"]))
    last = messages[-1]
    return {
        "messages": messages,
        "prefill": last.role == "assistant" and not last.calls,
        "template_options": {"enable_thinking": thinks, **({"reasoning_effort": effort} if effort else {})},
        "tools": tuple(
            Tool(tool["name"], tool.get("description", ""), tool["input_schema"], tool.get("strict", False))
            for tool in data.get("tools", [])
        ),
    }


def options(data: Mapping[str, Any]) -> RenderOptions:
    """What rendering needs to know of a body."""
    return RenderOptions(omit_thinking=data.get("thinking", {}).get("display") == "omitted")


ENDPOINT = Endpoint(
    path="/v1/messages",
    model_types=text.MODEL_TYPES,
    schema=MessagesSchema,
    payload=payload,
    options=for_anyone(options),
    body=for_anyone(render.body),
    chunks=for_anyone(render.chunks),
    dialect=ANTHROPIC,
)


@blueprint.post(ENDPOINT.path)
@operation(
    "createMessage",
    answers.AnthropicMessage,
    {SSE: answers.MessageStreamEvent},
    endpoint=ENDPOINT,
    example={
        "model": "smollm2-135m-instruct",
        "max_tokens": 32,
        "messages": [{"role": "user", "content": "What is the capital of France?"}],
    },
)
def create() -> Response:
    """Continue a conversation, as Anthropic's API does."""
    return calls.serve(ENDPOINT)
