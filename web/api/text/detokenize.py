"""`POST /v1/detokenize`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response

from schemas.answers.text import DetokenizeResponse
from schemas.text.detokenize import DetokenizeSchema
from tasks.values.requests import DetokenizeRequest
from web import calls
from web.api.text import shared as text
from web.endpoint import Endpoint, for_anyone
from web.openapi.operation import operation
from web.render.text import detokenize as render

blueprint = Blueprint("detokenize", __name__)


def payload(data: Mapping[str, Any]) -> DetokenizeRequest:
    """What a checked body asks of a model."""
    return DetokenizeRequest(data["tokens"])


ENDPOINT = Endpoint(
    path="/v1/detokenize",
    model_types=text.MODEL_TYPES,
    schema=DetokenizeSchema,
    payload=payload,
    body=for_anyone(render.body),
)


@blueprint.post(ENDPOINT.path)
@operation(
    "detokenize",
    DetokenizeResponse,
    endpoint=ENDPOINT,
    example={"model": "smollm2-135m-instruct", "tokens": [6403, 2135, 253, 655]},
)
def create() -> Response:
    """Turn token ids into text."""
    return calls.serve(ENDPOINT)
