"""`POST /v1/chat/completions`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response

from schemas.chat import ChatSchema
from tasks.requests import ChatRequest, Message
from web import calls
from web.endpoint import Endpoint
from web.render import chat as render

blueprint = Blueprint("chat", __name__)


def payload(data: Mapping[str, Any]) -> ChatRequest:
    """What a checked body asks of a model."""
    return ChatRequest(
        messages=tuple(
            Message("system" if turn["role"] == "developer" else turn["role"], turn["content"], turn.get("name"))
            for turn in data["messages"]
        ),
        max_tokens=data.get("max_completion_tokens", data.get("max_tokens")),
        temperature=data.get("temperature"),
        top_p=data.get("top_p"),
        stop=tuple(data.get("stop", ())),
    )


def options(data: Mapping[str, Any]) -> dict[str, Any]:
    """What rendering needs to know of a checked body."""
    return {"include_usage": True} if data.get("stream_options", {}).get("include_usage") else {}


ENDPOINT = Endpoint(
    "/v1/chat/completions",
    frozenset({"lm", "fake"}),
    ChatSchema,
    payload,
    render.body,
    options,
    render.chunks,
)


@blueprint.post(ENDPOINT.path)
def create() -> Response:
    """Continue a conversation."""
    return calls.serve(ENDPOINT)
