"""Samples as the bytes of an audio file, as they come: no format here needs its end to begin."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import av
import numpy as np

from tasks.values.requests import SpeechFormat
from workers.media.downmix import Samples

_UNKNOWN = 0xFFFFFFFF  # bytes, in a header that is written before anybody knows


class Format(NamedTuple):
    """A container of ffmpeg's, a codec, the rates that it may have (any where there are none), and its media type."""

    container: str
    codec: str
    rates: tuple[int, ...]
    type: str
    options: Mapping[str, str] = {}


_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
FORMATS: Mapping[SpeechFormat, Format] = {
    "mp3": Format("mp3", "libmp3lame", _RATES, "audio/mpeg", {"write_xing": "0", "id3v2_version": "0"}),
    "opus": Format("ogg", "libopus", (48_000,), "audio/ogg", {"page_duration": "200000", "fflags": "+bitexact"}),
    "aac": Format("adts", "aac", _RATES, "audio/aac"),
    "flac": Format("flac", "flac", (), "audio/flac"),
    "wav": Format("s16le", "pcm_s16le", (), "audio/wav"),
    "pcm": Format("s16le", "pcm_s16le", (24_000,), "audio/pcm"),  # the rate that OpenAI's clients expect
}


class Encoder:
    """Turns mono samples in [-1, 1] at `rate` into bytes, spoken `speed` times as fast at the same pitch."""

    def __init__(self, format_: SpeechFormat, rate: int, speed: float = 1.0) -> None:
        self._format = FORMATS[format_]
        self._rate, rates = rate, self._format.rates
        self._out = min((one for one in rates if one >= rate), default=max(rates, default=rate))
        self._samples, self._written = 0, bytearray(_wav(self._out) if format_ == "wav" else b"")
        self._tempo = None if speed == 1.0 else _tempo(rate, speed)
        self._container = av.open(
            self, "w", format=self._format.container, container_options=dict(self._format.options)
        )
        self._stream = self._container.add_stream(self._format.codec, rate=self._out)
        assert isinstance(self._stream, av.AudioStream)  # noqa: S101  (its codec is one of sound)
        self._stream.layout = "mono"
        self._resampler = av.AudioResampler(self._stream.codec_context.format, "mono", self._out)

    @property
    def seconds(self) -> float:
        """How long all lasts that was added."""
        return self._samples / self._out

    def write(self, data: bytes) -> int:
        """Called by the container."""
        self._written += data
        return len(data)

    def add(self, samples: Samples) -> bytes:
        """The bytes that are complete with these samples, float32; there may be none."""
        if not len(samples):  # a model that streams may end so
            return b""
        frame = av.AudioFrame.from_ndarray(np.clip(samples, -1, 1).astype(np.float32)[None], "flt", "mono")
        frame.sample_rate, frame.pts = self._rate, None
        self._encode(self._paced(frame))
        return self._taken()

    def end(self) -> bytes:
        """The bytes that end the file."""
        self._encode(self._paced(None))
        self._encode(iter([None]))
        for packet in self._stream.encode(None):
            self._container.mux(packet)
        self._container.close()
        return self._taken()

    def _paced(self, frame: av.AudioFrame | None) -> Iterator[av.AudioFrame]:
        if self._tempo is None:
            yield from () if frame is None else (frame,)
            return
        self._tempo.push(frame)
        while True:
            try:
                paced = self._tempo.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            paced.pts = None
            yield paced

    def _encode(self, frames: Iterator[av.AudioFrame | None]) -> None:
        for frame in frames:
            for resampled in self._resampler.resample(frame):
                resampled.pts = self._samples
                self._samples += resampled.samples
                for packet in self._stream.encode(resampled):
                    self._container.mux(packet)

    def _taken(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken


def _tempo(rate: int, speed: float) -> av.filter.Graph:
    """ffmpeg's change of tempo, of which one does not go below half of it."""
    graph = av.filter.Graph()
    nodes = [graph.add_abuffer(sample_rate=rate, format="flt", layout="mono")]
    while speed < 0.5:
        nodes.append(graph.add("atempo", "0.5"))
        speed *= 2
    nodes += [graph.add("atempo", f"{speed:.6f}"), graph.add("abuffersink")]
    graph.link_nodes(*nodes).configure()
    return graph


def _wav(rate: int) -> bytes:
    """The header of a WAV of 16-bit mono samples whose length is not known yet."""
    return (
        b"RIFF" + struct.pack("<I", _UNKNOWN) + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
        + b"data" + struct.pack("<I", _UNKNOWN)
    )  # fmt: skip
