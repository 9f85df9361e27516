"""Any recording becomes mono samples at 16 kHz, and what is none is refused."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest

from tasks.errors import InvalidValue
from workers import audio

SECONDS = 1.5


def tone(container: str, codec: str, rate: int = 44_100, channels: int = 2, seconds: float = SECONDS) -> io.BytesIO:
    """A 440 Hz tone, encoded."""
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(rate * seconds)) / rate)
    layout = "stereo" if channels == 2 else "mono"
    samples = (np.repeat(wave[:, None], channels, 1).reshape(1, -1) * 32767).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=layout)
    frame.sample_rate = rate
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout=layout)
        resampler = av.AudioResampler(format=stream.format, layout=layout, rate=rate, frame_size=stream.frame_size or 0)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    file.seek(0)
    return file


@pytest.mark.parametrize(
    ("container", "codec", "channels"),
    [
        ("wav", "pcm_s16le", 1),
        ("wav", "pcm_s16le", 2),
        ("flac", "flac", 2),
        ("mp3", "libmp3lame", 2),
        ("mp4", "aac", 1),
    ],
)
def test_a_recording_of_any_container_is_the_same_sound(container: str, codec: str, channels: int) -> None:
    samples = audio.decode(tone(container, codec, channels=channels), 60)
    assert samples.dtype == np.float32 and samples.ndim == 1
    assert len(samples) / audio.RATE == pytest.approx(SECONDS, abs=0.1)
    middle = samples[4000:20_000]
    loudest = np.argmax(np.abs(np.fft.rfft(middle))) * audio.RATE / len(middle)
    assert loudest == pytest.approx(440, abs=2)
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("junk", [b"", b"no sound at all" * 100, b"RIFF\x24\x00\x00\x00WAVEfmt "])
def test_what_is_no_recording_is_refused(junk: bytes) -> None:
    with pytest.raises(InvalidValue) as caught:
        audio.decode(io.BytesIO(junk), 60)
    assert caught.value.failure.param == "file"


def test_a_recording_longer_than_its_limit_is_refused() -> None:
    with pytest.raises(InvalidValue, match="longer than 1 seconds"):
        audio.decode(tone("wav", "pcm_s16le"), 1)
