"""`POST /v2/rerank`, where Cohere's second client asks."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, Response

from schemas.answers.scores import RerankResponse
from schemas.vectors.rerank import RerankV2Schema
from web import calls
from web.api.vectors import rerank
from web.endpoint import for_anyone
from web.openapi.operation import operation
from web.render.vectors import rerank as render

blueprint = Blueprint("rerank_v2", __name__)
ENDPOINT = replace(rerank.ENDPOINT, path="/v2/rerank", schema=RerankV2Schema, body=for_anyone(render.v2))


@blueprint.post(ENDPOINT.path)
@operation("rerankV2", RerankResponse, endpoint=ENDPOINT, example=rerank.EXAMPLE)
def create() -> Response:
    """Sort documents by how well they answer a query, for clients of Cohere's v2."""
    return calls.serve(ENDPOINT)
