"""`POST /v1/audio/transcriptions`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response

from schemas.answers.speech import (
    CreateTranscriptionResponseJson,
    CreateTranscriptionResponseVerboseJson,
)
from schemas.speech.transcriptions import TranscriptionsSchema
from tasks.values.requests import TranscriptionRequest
from web import calls
from web.api.speech import shared as speech
from web.endpoint import Endpoint, for_anyone
from web.openapi.operation import operation
from web.render.speech import transcriptions as render

blueprint = Blueprint("transcriptions", __name__)


def payload(data: Mapping[str, Any]) -> TranscriptionRequest:
    """What a checked form asks of a model."""
    return speech.payload(data, data.get("task", "transcribe"))


ENDPOINT = Endpoint(
    path="/v1/audio/transcriptions",
    model_types=speech.MODEL_TYPES,
    schema=TranscriptionsSchema,
    payload=payload,
    options=for_anyone(speech.options),
    body=for_anyone(render.body),
    chunks=for_anyone(render.Chunks),
    files=speech.FILES,
)


@blueprint.post(ENDPOINT.path)
@operation(
    "createTranscription",
    (CreateTranscriptionResponseJson, CreateTranscriptionResponseVerboseJson),
    speech.MEDIA,
    endpoint=ENDPOINT,
)
def create() -> Response:
    """Write down a recording."""
    return calls.serve(ENDPOINT)
