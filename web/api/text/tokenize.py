"""`POST /v1/tokenize`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response

from schemas.answers.text import TokenizeResponse
from schemas.text.tokenize import TokenizeSchema
from tasks.values.job import RenderOptions
from tasks.values.requests import RenderRequest, TokenizeRequest
from web import calls
from web.api.text import chat_render
from web.api.text import shared as text
from web.endpoint import Endpoint, for_anyone
from web.identity import Caller
from web.openapi.operation import operation
from web.render.text import tokenize as render
from web.stored import spoken

blueprint = Blueprint("tokenize", __name__)


def payload(data: Mapping[str, Any]) -> TokenizeRequest | RenderRequest:
    """What a checked body asks of a model."""
    if "messages" in data:
        return chat_render.payload(data)
    return TokenizeRequest(data["prompt"], data.get("add_special_tokens", True))


def options(caller: Caller, data: Mapping[str, Any]) -> RenderOptions:
    """What rendering needs to know beside the tokens: the model's context length, as it is known now."""
    return RenderOptions(max_model_len=caller.gateway.details(data["model"]).context_length)


ENDPOINT = Endpoint(
    path="/v1/tokenize",
    model_types=text.MODEL_TYPES,
    schema=TokenizeSchema,
    payload=payload,
    options=options,
    body=for_anyone(render.body),
    resolve=spoken.resolve,
)


@blueprint.post(ENDPOINT.path)
@operation(
    "tokenize",
    TokenizeResponse,
    endpoint=ENDPOINT,
    example={"model": "smollm2-135m-instruct", "prompt": "Once upon a time"},
)
def create() -> Response:
    """Count tokens and tell them."""
    return calls.serve(ENDPOINT)
