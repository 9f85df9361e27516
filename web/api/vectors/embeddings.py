"""`POST /v1/embeddings`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from flask import Blueprint, Response

from schemas.answers.text import CreateEmbeddingResponse
from schemas.vectors.embeddings import AS_MANY_AS_FIT, EmbeddingsSchema
from tasks.values.job import RenderOptions
from tasks.values.requests import EmbeddingRequest
from web import calls
from web.endpoint import Endpoint, for_anyone
from web.openapi.operation import operation
from web.render.vectors import embeddings as render

blueprint = Blueprint("embeddings", __name__)
_TRUNCATE: Mapping[str, Literal["start", "end"] | None] = {"NONE": None, "START": "start", "END": "end"}


def payload(data: Mapping[str, Any]) -> EmbeddingRequest:
    """What a checked body asks of a model."""
    most = data.get("truncate_prompt_tokens")
    return EmbeddingRequest(
        data["input"],
        data.get("dimensions"),
        data.get("prompt_name"),
        data.get("input_type"),
        _TRUNCATE[data.get("truncate", "NONE" if most is None else "END")],
        None if most == AS_MANY_AS_FIT else most,
    )


def options(data: Mapping[str, Any]) -> RenderOptions:
    """What rendering needs to know of a checked body."""
    return RenderOptions(encoding_format=data.get("encoding_format", "float"))


ENDPOINT = Endpoint(
    path="/v1/embeddings",
    model_types=frozenset({"embeddings", "fake"}),
    schema=EmbeddingsSchema,
    payload=payload,
    options=for_anyone(options),
    body=for_anyone(render.body),
)


@blueprint.post(ENDPOINT.path)
@operation(
    "createEmbedding",
    CreateEmbeddingResponse,
    endpoint=ENDPOINT,
    example={"model": "all-minilm-l6-v2", "input": ["The weather is lovely today."]},
)
def create() -> Response:
    """Embed texts."""
    return calls.serve(ENDPOINT)
