"""`GET /v1/audio/voices`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, request
from msgspec import UNSET

from mlxq.entries.model_entry import ModelEntry
from schemas.answers.audio_speech import ListVoicesResponse
from schemas.speech.audio_voices import VoiceListSchema
from tasks.values.errors import InvalidValue, ModelNotFound
from web.api.speech import audio_speech
from web.gateway import Gateway, gateway
from web.http.body import unknown_fields
from web.openapi.operation import operation

MODEL_TYPES = audio_speech.MODEL_TYPES | {"multimodal"}  # of which some speak their answers
blueprint = Blueprint("audio_voices", __name__)


@blueprint.get("/v1/audio/voices")
@operation("listVoices", ListVoicesResponse, query=VoiceListSchema, errors=frozenset({404}))
def index() -> dict[str, Any]:
    """The voices of the models that are loaded, or of one of them."""
    shared = gateway()
    name = unknown_fields.read(VoiceListSchema, request.args.to_dict()).get("model")
    entries = shared.catalogue if name is None else [_entry(shared, name)]
    speaking = [entry for entry in entries if entry.model_type in MODEL_TYPES]
    return {"object": "list", "data": [voice for entry in speaking for voice in _voices(shared, entry)]}


def _entry(shared: Gateway, name: str) -> ModelEntry:
    entry = shared.catalogue.find(name)
    if entry is None:
        raise ModelNotFound(f"the model '{name}' does not exist here", param="model")
    if entry.model_type not in MODEL_TYPES:
        raise InvalidValue(f"the model '{name}' does not speak", param="model")
    return entry


def _voices(shared: Gateway, entry: ModelEntry) -> Iterator[dict[str, str]]:
    voices = shared.details(entry.name).voices
    for voice in () if voices is UNSET else voices:
        yield {"id": voice, "object": "audio.voice", "name": voice, "model": entry.name}
