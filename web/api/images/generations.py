"""`POST /v1/images/generations`."""

from __future__ import annotations

from flask import Blueprint, Response

from schemas.answers.images import ImageGenCompletedEvent, ImageGenPartialImageEvent, ImagesResponse
from schemas.images.generations import ImagesGenerationsSchema
from web import calls
from web.api.images import shared as images
from web.endpoint import Endpoint, for_anyone
from web.openapi.operation import SSE, operation

blueprint = Blueprint("images_generations", __name__)
ENDPOINT = Endpoint(
    path="/v1/images/generations",
    model_types=frozenset({images.GENERATION}),
    schema=ImagesGenerationsSchema,
    payload=images.payload,
    options=for_anyone(images.options),
    body=images.body,
    chunks=images.chunks("image_generation"),
    files=images.IMAGE,
    json=True,
)


@blueprint.post(ENDPOINT.path)
@operation(
    "createImage",
    ImagesResponse,
    {SSE: (ImageGenPartialImageEvent, ImageGenCompletedEvent)},
    endpoint=ENDPOINT,
    example={"model": "flux2-klein-4b", "prompt": "a lighthouse at dusk", "size": "512x512"},
)
def create() -> Response:
    """Make images."""
    return calls.serve(ENDPOINT)
