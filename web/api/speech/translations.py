"""`POST /v1/audio/translations`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response

from schemas.answers.speech import (
    CreateTranslationResponseJson,
    CreateTranslationResponseVerboseJson,
)
from schemas.speech.translations import TranslationsSchema
from tasks.values.requests import TranscriptionRequest
from web import calls
from web.api.speech import shared as speech
from web.endpoint import Endpoint, for_anyone
from web.openapi.operation import operation
from web.render.speech import transcriptions as render

blueprint = Blueprint("translations", __name__)


def payload(data: Mapping[str, Any]) -> TranscriptionRequest:
    """What a checked form asks of a model."""
    return speech.payload(data, "translate")


ENDPOINT = Endpoint(
    path="/v1/audio/translations",
    model_types=speech.MODEL_TYPES,
    schema=TranslationsSchema,
    payload=payload,
    options=for_anyone(speech.options),
    body=for_anyone(render.body),
    chunks=for_anyone(render.Chunks),
    files=speech.FILES,
)


@blueprint.post(ENDPOINT.path)
@operation(
    "createTranslation",
    (CreateTranslationResponseJson, CreateTranslationResponseVerboseJson),
    speech.MEDIA,
    endpoint=ENDPOINT,
)
def create() -> Response:
    """Write down a recording in English."""
    return calls.serve(ENDPOINT)
