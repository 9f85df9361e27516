"""Every format is a recording that others read, and what a voice detector hears of it is the sound that it was."""

from __future__ import annotations

import numpy as np
import pytest

from tests.web.realtime.audio import Samples, decoded, encoded
from web.realtime.formats import CHUNK, FORMATS, PCM, Format

CODED = [one for one in FORMATS if one is not PCM]


def tone(rate: int, hertz: float = 440.0, seconds: float = CHUNK / 1000) -> Samples:
    at = np.arange(round(rate * seconds)) / rate
    return np.round(8000 * np.sin(2 * np.pi * hertz * at)).astype(np.int16)


@pytest.mark.parametrize("format", FORMATS, ids=lambda one: one.name)
def test_a_recording_holds_the_samples_that_came(format: Format) -> None:
    audio = encoded(format.type, tone(format.rate, seconds=0.5))
    samples, rate = decoded(format.wav(audio))
    assert rate == format.rate and len(samples) == len(audio) // format.width == format.rate // 2
    assert np.abs(samples.astype(int) - tone(format.rate, seconds=0.5)).max() <= (0 if format is PCM else 300)


def test_half_a_sample_at_the_end_is_left_out() -> None:
    assert PCM.wav(b"\x01\x00\x02") == PCM.wav(b"\x01\x00")


@pytest.mark.parametrize("format", CODED, ids=lambda one: one.name)
def test_every_byte_is_the_sample_that_ffmpeg_makes_of_it(format: Format) -> None:
    every = bytes(range(256))
    heard = np.frombuffer(format.resampled(every), np.int16)[::2]
    assert heard.tolist() == decoded(format.wav(every))[0].tolist()


@pytest.mark.parametrize("format", FORMATS, ids=lambda one: one.name)
@pytest.mark.parametrize("hertz", [100.0, 440.0, 1000.0])
def test_a_chunk_sounds_the_same_at_16_khz(format: Format, hertz: float) -> None:
    heard = np.frombuffer(format.resampled(encoded(format.type, tone(format.rate, hertz))), np.int16).astype(float)
    expected = tone(16_000, hertz).astype(float)
    assert heard.shape == expected.shape == (512,)
    noise = np.sqrt(np.mean((heard - expected) ** 2)) / np.sqrt(np.mean(expected**2))
    assert noise < 0.08
