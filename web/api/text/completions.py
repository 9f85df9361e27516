"""`POST /v1/completions`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response

from schemas.answers.text import CreateCompletionResponse
from schemas.text.completions import CompletionsSchema
from tasks.values.requests import CompletionRequest
from web import calls
from web.api.text import shared as text
from web.endpoint import Endpoint, for_anyone
from web.openapi.operation import SSE, operation
from web.render.text import completions as render

MAX_TOKENS = 16  # OpenAI's default for this endpoint, whatever the model
blueprint = Blueprint("completions", __name__)


def payload(data: Mapping[str, Any]) -> CompletionRequest:
    """What a checked body asks of a model."""
    chosen = {"max_tokens": MAX_TOKENS, **text.sampling(data)}
    return CompletionRequest(data["prompt"], data.get("echo", False), **chosen)


ENDPOINT = Endpoint(
    path="/v1/completions",
    model_types=text.MODEL_TYPES,
    schema=CompletionsSchema,
    payload=payload,
    options=for_anyone(text.options),
    body=for_anyone(render.body),
    chunks=for_anyone(render.chunks),
)


@blueprint.post(ENDPOINT.path)
@operation(
    "createCompletion",
    CreateCompletionResponse,
    {SSE: CreateCompletionResponse},
    endpoint=ENDPOINT,
    example={"model": "smollm2-135m-instruct", "prompt": "Once upon a time", "max_tokens": 32},
)
def create() -> Response:
    """Continue texts."""
    return calls.serve(ENDPOINT)
