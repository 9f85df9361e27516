"""A chat's answer that is spoken: what was said is the transcript of its audio, as OpenAI shows it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tasks.values import results
from tasks.values.blob_ref import BlobRef
from tasks.values.events import AudioChunk, Event
from tasks.values.job import Job
from tasks.values.requests import AudioOutput, ChatRequest
from web.render.speech.audio_speech import joined

PREFIX = "audio_"
_GROUP = 3  # bytes that are four letters of base64
Read = Callable[[BlobRef], bytes]


def asked(job: Job) -> AudioOutput | None:
    """How the answer of a job is to be spoken, if it is."""
    return job.payload.audio if isinstance(job.payload, ChatRequest) else None


def answer(
    job: Job, audio: AudioOutput, result: results.TextResult, shown: dict[str, Any], read: Read
) -> dict[str, Any]:
    """A `chat.completion` whose only message, as it is `shown` without audio, has it; `read` gets a blob's bytes."""
    (choice,) = shown["choices"]
    message = choice["message"]
    if not message["content"]:  # it calls tools only, or says nothing
        return shown
    sound = {
        "id": _id(job),
        "data": base64.b64encode(joined(result.audio, audio.format, read)).decode(),
        "expires_at": _expiry(job),
        "transcript": message["content"],
    }
    return {**shown, "choices": [{**choice, "message": {**message, "content": None, "audio": sound}}]}


class Chunks:
    """Turns the events of one job into chunks: the transcript as it is written, the audio, and why it ends.

    `told` makes the chunks of an answer that is not spoken. An id and an expiry are told once, and the pieces of the
    audio are whole groups of base64, because clients join them before or after they decode them.
    """

    def __init__(self, job: Job, told: Callable[[Event], Iterator[object]], read: Read) -> None:
        self._job, self._told, self._read = job, told, read
        self._begun, self._chunk = False, dict[str, Any]()
        self._rest = b""  # of the audio, too little to be told alone

    def __call__(self, event: Event) -> Iterator[object]:
        if isinstance(event, AudioChunk):
            yield from self._sound(self._rest + self._read(event.blob))
            return
        for chunk in self._told(event):
            assert isinstance(chunk, dict)  # noqa: S101  (a chat's chunks are nothing else)
            for choice in chunk["choices"]:
                self._chunk = chunk
                if choice["finish_reason"] is not None and self._begun:
                    yield from self._end()
                choice["delta"] = self._spoken(choice["delta"])
            yield chunk

    def _sound(self, data: bytes) -> Iterator[object]:
        whole = len(data) - len(data) % _GROUP
        self._rest = data[whole:]
        if whole:
            yield self._with({"audio": {"data": base64.b64encode(data[:whole]).decode()}})

    def _end(self) -> Iterator[object]:
        if self._rest:
            yield self._with({"audio": {"data": base64.b64encode(self._rest).decode()}})
        yield self._with({"audio": {"expires_at": _expiry(self._job)}})

    def _with(self, delta: Mapping[str, Any]) -> dict[str, Any]:
        """A chunk like the one before, with another delta."""
        choice = {**self._chunk["choices"][0], "delta": delta, "logprobs": None, "finish_reason": None}
        return {**self._chunk, "choices": [choice]}

    def _spoken(self, delta: dict[str, Any]) -> dict[str, Any]:
        if "role" in delta:
            return {**delta, "content": None}
        if not delta.get("content"):
            return delta
        begin = {} if self._begun else {"id": _id(self._job)}
        self._begun = True
        return {"audio": {**begin, "transcript": delta["content"]}}


def _id(job: Job) -> str:
    return PREFIX + job.id.removeprefix("job_")


def _expiry(job: Job) -> int:
    """Until when the answer is there in any case, in seconds since the epoch."""
    return job.created // 1000 + job.keep
