"""The audio formats of realtime sockets: samples as they come, as a recording, and as a voice detector hears them."""

from __future__ import annotations

import struct
import sys
from array import array
from dataclasses import dataclass

CHUNK = 32  # milliseconds that a voice detector listens to at once
_HEARD = 16_000  # samples a second for it


@dataclass(frozen=True)
class Format:
    """Samples of one channel: `tag` is how WAVE calls their encoding, `width` the bytes of one."""

    type: str
    name: str  # in OpenAI's older sessions
    tag: int
    rate: int
    width: int

    @property
    def millisecond(self) -> int:
        """Bytes of one."""
        return self.rate * self.width // 1000

    def wav(self, audio: bytes) -> bytes:
        """A recording of these bytes, of which half a sample at the end is left out."""
        size = len(audio) - len(audio) % self.width
        second = self.rate * self.width
        head = struct.pack("<HHIIHH", self.tag, 1, self.rate, second, self.width, 8 * self.width)
        return (
            struct.pack("<4sI4s4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", len(head))
            + head
            + struct.pack("<4sI", b"data", size)
            + audio[:size]
        )

    def resampled(self, chunk: bytes) -> bytes:
        """A chunk (`CHUNK` milliseconds) as 16-bit samples at 16 kHz in the machine's byte order.

        Samples between two are their mean: a detector of speech needs no better filter.
        """
        samples = self._samples(chunk)
        out = array("h", bytes(_HEARD * CHUNK // 1000 * 2))
        if self.rate > _HEARD:  # three samples become two
            out[::2] = samples[::3]
            out[1::2] = _means(samples[1::3], samples[2::3])
        else:  # one becomes two
            out[::2] = samples
            out[1::2] = _means(samples, samples[1:] + samples[-1:])
        return out.tobytes()

    def _samples(self, chunk: bytes) -> array[int]:
        if self.tag != _PCM:
            table = _TABLES[self.tag]
            return array("h", [table[byte] for byte in chunk])
        samples = array("h", chunk)
        if sys.byteorder == "big":
            samples.byteswap()
        return samples


def _means(left: array[int], right: array[int]) -> array[int]:
    return array("h", [(one + other) >> 1 for one, other in zip(left, right, strict=True)])


def _mulaw(byte: int) -> int:
    """The sample of a byte in G.711's µ-law."""
    byte ^= 0xFF
    value = ((((byte & 0x0F) << 3) + 0x84) << (byte >> 4 & 7)) - 0x84
    return -value if byte & 0x80 else value


def _alaw(byte: int) -> int:
    """The sample of a byte in G.711's A-law."""
    byte ^= 0x55
    exponent, value = byte >> 4 & 7, (byte & 0x0F) << 4
    value = value + 0x108 << exponent - 1 if exponent else value + 8
    return value if byte & 0x80 else -value


_PCM, _ALAW, _MULAW = 1, 6, 7
_TABLES = {_ALAW: [_alaw(byte) for byte in range(256)], _MULAW: [_mulaw(byte) for byte in range(256)]}
PCM = Format("audio/pcm", "pcm16", _PCM, rate=24_000, width=2)
FORMATS = (
    PCM,
    Format("audio/pcmu", "g711_ulaw", _MULAW, rate=8000, width=1),
    Format("audio/pcma", "g711_alaw", _ALAW, rate=8000, width=1),
)
BY_TYPE = {one.type: one for one in FORMATS}
BY_NAME = {one.name: one for one in FORMATS}
