"""`POST /v1/score`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response

from schemas.answers.scores import ScoreResponse
from schemas.vectors.score import ScoreSchema, names
from tasks.values.requests import ScoreRequest
from web import calls
from web.api.vectors.rerank import MODEL_TYPES, pair_tokens
from web.endpoint import Endpoint, for_anyone
from web.openapi.operation import operation
from web.render.vectors import score as render

blueprint = Blueprint("score", __name__)


def payload(data: Mapping[str, Any]) -> ScoreRequest:
    """What a checked body asks of a model."""
    queries, documents = names(data)
    return ScoreRequest(
        queries=data[queries],
        documents=data[documents],
        query_param=queries,
        document_param=documents,
        instruction=data.get("instruction"),
        truncate="truncate_prompt_tokens" in data,
        max_pair_tokens=pair_tokens(data),
        activation=data.get("use_activation", True),
    )


ENDPOINT = Endpoint(
    path="/v1/score",
    model_types=MODEL_TYPES,
    schema=ScoreSchema,
    payload=payload,
    body=for_anyone(render.body),
)


@blueprint.post(ENDPOINT.path)
@operation(
    "score",
    ScoreResponse,
    endpoint=ENDPOINT,
    example={
        "model": "bge-reranker-v2-m3",
        "text_1": "What is the capital of France?",
        "text_2": ["Paris is the capital of France.", "Horses and cows are both animals."],
    },
)
def create() -> Response:
    """Score how well texts answer others."""
    return calls.serve(ENDPOINT)
