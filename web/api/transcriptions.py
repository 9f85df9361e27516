"""`POST /v1/audio/transcriptions`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response

from schemas.answers.text import CreateTranscriptionResponseJson
from schemas.transcriptions import TranscriptionsSchema
from tasks.values.job import RenderOptions
from tasks.values.requests import TranscriptionRequest
from web import calls
from web.endpoint import Endpoint, for_anyone
from web.openapi.operation import operation
from web.render import transcriptions as render

blueprint = Blueprint("transcriptions", __name__)


def payload(data: Mapping[str, Any]) -> TranscriptionRequest:
    """What a checked form asks of a model."""
    return TranscriptionRequest(data["file"], data.get("language"), data.get("prompt"), data.get("temperature"))


def options(data: Mapping[str, Any]) -> RenderOptions:
    """What rendering needs to know of a checked form."""
    return RenderOptions(response_format=data.get("response_format", "json"))


ENDPOINT = Endpoint(
    path="/v1/audio/transcriptions",
    model_types=frozenset({"whisper"}),
    schema=TranscriptionsSchema,
    payload=payload,
    options=for_anyone(options),
    body=for_anyone(render.body),
    files=frozenset({"file"}),
)


@blueprint.post(ENDPOINT.path)
@operation("createTranscription", CreateTranscriptionResponseJson, {"text/plain": str}, endpoint=ENDPOINT)
def create() -> Response:
    """Write down a recording."""
    return calls.serve(ENDPOINT)
