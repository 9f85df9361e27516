"""`POST /v1/chat/render`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response

from schemas.answers.text import RenderedChat
from schemas.text.chat_render import ChatRenderSchema
from tasks.values.requests import RenderRequest
from web import calls
from web.api.text import shared as text
from web.endpoint import Endpoint, for_anyone
from web.openapi.operation import operation
from web.render.text import chat_render as render
from web.stored import spoken

blueprint = Blueprint("chat_render", __name__)


def payload(data: Mapping[str, Any]) -> RenderRequest:
    """What a checked body asks of a model."""
    return RenderRequest(**text.conversation(data))


ENDPOINT = Endpoint(
    path="/v1/chat/render",
    model_types=text.MODEL_TYPES,
    schema=ChatRenderSchema,
    payload=payload,
    body=for_anyone(render.body),
    resolve=spoken.resolve,
)


@blueprint.post(ENDPOINT.path)
@operation(
    "renderChat",
    RenderedChat,
    endpoint=ENDPOINT,
    example={
        "model": "smollm2-135m-instruct",
        "messages": [{"role": "user", "content": "What is the capital of France?"}],
    },
)
def create() -> Response:
    """Show a conversation as the model reads it."""
    return calls.serve(ENDPOINT)
