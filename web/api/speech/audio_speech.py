"""`POST /v1/audio/speech`."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response

from schemas.answers.audio_speech import SpeechAudioDeltaEvent, SpeechAudioDoneEvent
from schemas.speech.audio_speech import AudioSpeechSchema
from tasks.values import results
from tasks.values.job import Job
from tasks.values.requests import SpeechRequest
from web import calls
from web.endpoint import Endpoint, Rendered
from web.identity import Caller
from web.openapi.operation import SSE, operation
from web.render.speech import audio_speech as render

MODEL_TYPES = frozenset({"text-to-speech"})
_SEEDS = 2**32
blueprint = Blueprint("audio_speech", __name__)


def payload(data: Mapping[str, Any]) -> SpeechRequest:
    """What a checked body asks of a model."""
    return SpeechRequest(
        text=data["input"],
        seed=secrets.randbelow(_SEEDS),
        voice=data.get("voice"),
        instructions=data.get("instructions"),
        speed=data.get("speed", 1.0),
        format=data.get("response_format", "mp3"),
    )


def body(caller: Caller, job: Job, result: results.Result) -> Rendered:
    """The audio as a whole; a line of a batch, which is JSON, holds it in base64."""
    show = render.body if caller.host_url is not None else render.line
    return show(job, result, caller.gateway.store.blobs.read)


def chunks(caller: Caller, job: Job) -> render.Chunks:
    """The audio as events."""
    return render.Chunks(job, caller.gateway.store.blobs.read)


def audio(caller: Caller, job: Job) -> render.Audio:
    """The audio as it is made."""
    return render.Audio(job, caller.gateway.store.blobs.read)


ENDPOINT = Endpoint(
    path="/v1/audio/speech",
    model_types=MODEL_TYPES,
    schema=AudioSpeechSchema,
    payload=payload,
    body=body,
    chunks=chunks,
    stream_field="stream_format",
    streamed_body=audio,
)


@blueprint.post(ENDPOINT.path)
@operation(
    "createSpeech",
    media={**dict.fromkeys(render.TYPES.values(), bytes), SSE: (SpeechAudioDeltaEvent, SpeechAudioDoneEvent)},
    endpoint=ENDPOINT,
    example={"model": "kokoro", "input": "It was a bright cold day in April.", "voice": "af_heart"},
)
def create() -> Response:
    """Speak a text."""
    return calls.serve(ENDPOINT)
