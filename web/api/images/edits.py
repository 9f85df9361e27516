"""`POST /v1/images/edits`."""

from __future__ import annotations

from flask import Blueprint, Response

from schemas.answers.images import ImageEditCompletedEvent, ImageEditPartialImageEvent, ImagesResponse
from schemas.images.edits import ImagesEditsSchema
from web import calls
from web.api.images import shared as images
from web.endpoint import Endpoint, for_anyone
from web.openapi.operation import SSE, operation

blueprint = Blueprint("images_edits", __name__)
PICTURES = images.IMAGE | {"images"}
ENDPOINT = Endpoint(
    path="/v1/images/edits",
    model_types=frozenset({images.EDIT}),
    schema=ImagesEditsSchema,
    payload=images.payload,
    options=for_anyone(images.options),
    body=images.body,
    chunks=images.chunks("image_edit"),
    files=PICTURES | {"mask"},
    several=PICTURES,
    json=True,
)


@blueprint.post(ENDPOINT.path)
@operation(
    "createImageEdit",
    ImagesResponse,
    {SSE: (ImageEditPartialImageEvent, ImageEditCompletedEvent)},
    endpoint=ENDPOINT,
)
def create() -> Response:
    """Change images."""
    return calls.serve(ENDPOINT)
