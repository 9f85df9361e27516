"""`POST /v1/rerank`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response

from schemas.answers.scores import RerankResponse
from schemas.vectors.rerank import Document, RerankSchema
from tasks.values.job import RenderOptions
from tasks.values.requests import ScoreRequest
from web import calls
from web.endpoint import Endpoint, for_anyone
from web.openapi.operation import operation
from web.render.vectors import rerank as render

MODEL_TYPES = frozenset({"rerank", "fake"})
EXAMPLE = {
    "model": "bge-reranker-v2-m3",
    "query": "What is the capital of France?",
    "documents": ["Paris is the capital of France.", "Horses and cows are both animals."],
}
blueprint = Blueprint("rerank", __name__)


def payload(data: Mapping[str, Any]) -> ScoreRequest:
    """What a checked body asks of a model."""
    return ScoreRequest(
        queries=(data["query"],),
        documents=tuple(map(_text, data["documents"])),
        query_param="query",
        document_param="documents",
        instruction=data.get("instruction"),
        truncate=True,
        max_document_tokens=data.get("max_tokens_per_doc"),
        max_pair_tokens=pair_tokens(data),
        activation=data.get("use_activation", True),
    )


def options(data: Mapping[str, Any]) -> RenderOptions:
    """What rendering needs to know of a checked body; documents that are objects come back as they were sent."""
    documents, wanted = data["documents"], data.get("return_documents")
    objects = wanted is not False and any(not isinstance(document, str) for document in documents)
    return RenderOptions(
        top_n=data.get("top_n"), return_documents=wanted, documents=tuple(documents) if objects else ()
    )


def pair_tokens(data: Mapping[str, Any]) -> int | None:
    """The most tokens of a query and its document that a checked body asks for, None for as many as the model takes."""
    limit: int | None = data.get("truncate_prompt_tokens")
    return None if limit == -1 else limit


def _text(document: Document) -> str:
    return document if isinstance(document, str) else str(document["text"])


ENDPOINT = Endpoint(
    path="/v1/rerank",
    model_types=MODEL_TYPES,
    schema=RerankSchema,
    payload=payload,
    options=for_anyone(options),
    body=for_anyone(render.v1),
)


@blueprint.post(ENDPOINT.path)
@operation("rerank", RerankResponse, endpoint=ENDPOINT, example=EXAMPLE)
def create() -> Response:
    """Sort documents by how well they answer a query."""
    return calls.serve(ENDPOINT)
