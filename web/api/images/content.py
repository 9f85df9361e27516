"""`GET /v1/images/content/…`: an image behind a signed link."""

from __future__ import annotations

from flask import Blueprint, Response, send_file

from tasks.values.errors import NotFound
from web.gateway import gateway
from web.http.access import signing
from web.http.access.auth import SIGNED
from web.openapi.operation import operation

blueprint = Blueprint("images_content", __name__)


@blueprint.get(f"{SIGNED}<token>")
@operation(
    "downloadImage", media={"image/png": bytes, "image/jpeg": bytes, "image/webp": bytes}, errors=frozenset({416})
)
def show(token: str) -> Response:
    """The file, as long as its link works and a job's record holds it."""
    store = gateway().store
    ref = signing.read(gateway().settings, token, store.now())
    if not store.holds_blob(ref.sha256):
        raise NotFound("this image is gone: its job was deleted or has expired")
    response = send_file(store.blobs.open(ref), mimetype=ref.type, etag=ref.sha256, max_age=0)
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
