"""`POST /v1/responses/input_tokens`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response

from schemas.answers.responses import InputTokens
from schemas.responses.responses import InputTokensSchema
from tasks.values.requests import RenderRequest
from web import calls
from web.api.responses import responses as api
from web.api.text import shared as text
from web.endpoint import Endpoint, for_anyone
from web.openapi.operation import operation
from web.render.responses import input_tokens as render
from web.stored import conversations

blueprint = Blueprint("responses_input_tokens", __name__)


def payload(data: Mapping[str, Any]) -> RenderRequest:
    """What a checked body asks of a model."""
    read = api.conversation(data)
    if data.get("tool_choice") is not None and data["tool_choice"].mode == "none":
        read["tools"] = ()
    return RenderRequest(**read)


ENDPOINT = Endpoint(
    path="/v1/responses/input_tokens",
    model_types=text.MODEL_TYPES,
    schema=InputTokensSchema,
    resolve=conversations.resolve,
    payload=payload,
    body=for_anyone(render.body),
)


@blueprint.post(ENDPOINT.path)
@operation(
    "getInputTokenCounts",
    InputTokens,
    endpoint=ENDPOINT,
    example={"model": "smollm2-135m-instruct", "input": "What is the capital of France?"},
)
def create() -> Response:
    """Count the tokens that a model would read."""
    return calls.serve(ENDPOINT)
