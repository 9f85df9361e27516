"""`POST /v1/messages/count_tokens`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response

from schemas.answers.messages import MessageTokensCount
from schemas.messages.count_tokens import MessagesCountTokensSchema
from tasks.values.requests import RenderRequest
from web import calls
from web.api.messages import messages
from web.api.text import shared as text
from web.endpoint import Endpoint, for_anyone
from web.http.anthropic import ANTHROPIC
from web.openapi.operation import operation
from web.render.messages import count_tokens as render

blueprint = Blueprint("messages_count_tokens", __name__)


def payload(data: Mapping[str, Any]) -> RenderRequest:
    """What a checked body asks of a model: the prompt that it would be asked to continue."""
    shown = {} if data.get("tool_choice", {}).get("type") != "none" else {"tools": ()}
    return RenderRequest(**{**messages.conversation(data), **shown})


ENDPOINT = Endpoint(
    path="/v1/messages/count_tokens",
    model_types=text.MODEL_TYPES,
    schema=MessagesCountTokensSchema,
    payload=payload,
    body=for_anyone(render.body),
    dialect=ANTHROPIC,
)


@blueprint.post(ENDPOINT.path)
@operation(
    "countMessageTokens",
    MessageTokensCount,
    endpoint=ENDPOINT,
    example={
        "model": "smollm2-135m-instruct",
        "messages": [{"role": "user", "content": "What is the capital of France?"}],
    },
)
def create() -> Response:
    """Count the tokens of a conversation, as Anthropic's API does."""
    return calls.serve(ENDPOINT)
