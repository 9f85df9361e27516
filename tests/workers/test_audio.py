"""Decoding: every container gives the same samples, and what is no recording is refused."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pytest

from tasks.values.errors import InvalidValue
from workers.audio import SAMPLE_RATE, Samples, decode

SECONDS = 2.0
PITCH = 440.0  # Hz


def tone(rate: int) -> Samples:
    return (0.5 * np.sin(2 * np.pi * PITCH * np.arange(int(SECONDS * rate)) / rate)).astype(np.float32)


def recording(container: str, codec: str, *, rate: int = SAMPLE_RATE, channels: int = 1) -> bytes:
    """The tone in a container."""
    layout = "stereo" if channels == 2 else "mono"
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.stack([tone(rate)] * channels), "fltp", layout)
        frame.sample_rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)
    return file.getvalue()


def pitch(samples: Samples) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)[spectrum.argmax()])


@pytest.mark.parametrize(
    ("container", "codec", "rate", "channels"),
    [
        ("wav", "pcm_s16le", 16_000, 1),
        ("wav", "pcm_s16le", 44_100, 2),
        ("flac", "flac", 44_100, 2),
        ("mp3", "libmp3lame", 44_100, 1),
        ("ipod", "aac", 48_000, 2),
        ("webm", "libopus", 48_000, 1),
    ],
)
def test_every_container_becomes_mono_at_16_khz(container: str, codec: str, rate: int, channels: int) -> None:
    samples = decode(io.BytesIO(recording(container, codec, rate=rate, channels=channels)), longest=10)
    assert (samples.dtype.name, samples.ndim) == ("float32", 1)
    assert len(samples) / SAMPLE_RATE == pytest.approx(SECONDS, abs=0.1)
    assert pitch(samples) == pytest.approx(PITCH, abs=1)
    assert np.abs(samples[SAMPLE_RATE // 2 : -SAMPLE_RATE // 2]).max() == pytest.approx(0.5, abs=0.05)


def test_a_wav_at_16_khz_keeps_its_samples() -> None:
    samples = decode(io.BytesIO(recording("wav", "pcm_s16le")), longest=10)
    np.testing.assert_allclose(samples, tone(SAMPLE_RATE), atol=1 / 32768)


def test_a_recording_cut_off_in_the_middle_gives_what_is_there() -> None:
    data = recording("mp3", "libmp3lame", rate=44_100)
    samples = decode(io.BytesIO(data[: len(data) // 2]), longest=10)
    assert 0.4 * SECONDS < len(samples) / SAMPLE_RATE < 0.6 * SECONDS


def test_a_broken_stretch_costs_only_itself() -> None:
    data = bytearray(recording("mp3", "libmp3lame", rate=44_100))
    middle = len(data) // 2
    data[middle : middle + 1500] = bytes(value % 251 for value in range(1500))
    samples = decode(io.BytesIO(bytes(data)), longest=10)
    assert len(samples) / SAMPLE_RATE > 0.8 * SECONDS


def film() -> bytes:
    """A container that holds pictures only."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        stream = out.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 32
        frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"these are words, and no recording" * 100, "cannot be decoded as audio"),
        (b"", "cannot be decoded as audio"),
        (film(), "holds no audio stream"),
        (recording("wav", "pcm_s16le").partition(b"data")[0] + b"data" + bytes(4), "is empty"),
    ],
    ids=["garbage", "nothing", "film", "header"],
)
def test_what_is_no_recording_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidValue, match=reason) as refused:
        decode(io.BytesIO(data), longest=10)
    assert refused.value.failure.param == "file"


def test_a_recording_over_the_bound_is_refused() -> None:
    data = recording("wav", "pcm_s16le")
    assert len(decode(io.BytesIO(data), longest=SECONDS)) == SECONDS * SAMPLE_RATE
    with pytest.raises(InvalidValue, match=r"longer than the 1\.9 seconds") as refused:
        decode(io.BytesIO(data), longest=1.9)
    assert refused.value.failure.param == "file"


@pytest.mark.parametrize(
    "playlist", ["ffconcat version 1.0\nfile {name}\n", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{name}\n"]
)
def test_a_playlist_opens_no_file_of_this_machine(
    playlist: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret.wav").write_bytes(recording("wav", "pcm_s16le"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidValue, match="cannot be decoded"):
        decode(io.BytesIO(playlist.format(name="secret.wav").encode()), longest=10)
