"""A speech's audio as it is made: bytes in blobs, each a chunk that an event tells of."""

from __future__ import annotations

import math

from tasks.stored.blobs import BlobStore
from tasks.values.blob_ref import BlobRef
from tasks.values.events import AudioChunk
from tasks.values.requests import SpeechFormat
from workers.engines.voices.encoder import FORMATS, Encoder
from workers.media.downmix import Samples

_TOKENS = 50  # of a second of speech, as many as transcriptions count


class Chunks:
    """One speech of mono samples at `rate`, written in a format, `speed` times as fast as it is spoken."""

    def __init__(self, blobs: BlobStore, format_: SpeechFormat, rate: int, speed: float = 1.0) -> None:
        self._blobs, self._type = blobs, FORMATS[format_].type
        self._encoder = Encoder(format_, rate, speed)
        self._told, self._kept = 0.0, list[BlobRef]()

    @property
    def seconds(self) -> float:
        """How long all lasts that was added."""
        return round(self._encoder.seconds, 6)

    @property
    def tokens(self) -> int:
        """What it counts in a job's usage."""
        return math.ceil(self._encoder.seconds * _TOKENS)

    def add(self, samples: Samples) -> list[AudioChunk]:
        """The chunk that is complete with these samples, float32 in [-1, 1]; there may be none."""
        return self._chunk(self._encoder.add(samples))

    def end(self) -> list[AudioChunk]:
        """The chunk that ends the audio, if anything is left of it."""
        return self._chunk(self._encoder.end())

    def _chunk(self, data: bytes) -> list[AudioChunk]:
        if not data:
            return []
        self._kept.append(self._blobs.put(data, self._type))
        for ref in self._kept:  # a job of many chunks may take longer than an unowned blob is left alone
            self._blobs.touch(ref)
        seconds, self._told = self._encoder.seconds - self._told, self._encoder.seconds
        return [AudioChunk(len(self._kept) - 1, self._kept[-1], round(seconds, 6))]
