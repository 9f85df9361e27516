"""`POST /v1/images/variations`."""

from __future__ import annotations

from flask import Blueprint, Response

from schemas.answers.images import ImageGenCompletedEvent, ImageGenPartialImageEvent, ImagesResponse
from schemas.images.variations import ImagesVariationsSchema
from web import calls
from web.api.images import shared as images
from web.endpoint import Endpoint, for_anyone
from web.openapi.operation import SSE, operation

blueprint = Blueprint("images_variations", __name__)
ENDPOINT = Endpoint(
    path="/v1/images/variations",
    model_types=frozenset({images.GENERATION}),
    schema=ImagesVariationsSchema,
    payload=images.payload,
    options=for_anyone(images.options),
    body=images.body,
    chunks=images.chunks("image_generation"),
    files=images.IMAGE,
    json=True,
)


@blueprint.post(ENDPOINT.path)
@operation(
    "createImageVariation",
    ImagesResponse,
    {SSE: (ImageGenPartialImageEvent, ImageGenCompletedEvent)},
    endpoint=ENDPOINT,
)
def create() -> Response:
    """Vary an image."""
    return calls.serve(ENDPOINT)
