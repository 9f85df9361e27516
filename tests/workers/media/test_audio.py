"""Decoding: every container gives the same samples, and what is no recording is refused."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest

from tasks.values.errors import InvalidValue
from workers.media.audio import SAMPLE_RATE, check, decode
from workers.media.downmix import Samples

SECONDS = 2.0
PITCH = 440.0  # Hz


def tone(rate: int) -> Samples:
    return (0.5 * np.sin(2 * np.pi * PITCH * np.arange(int(SECONDS * rate)) / rate)).astype(np.float32)


def recording(
    container: str, codec: str, *, rate: int = SAMPLE_RATE, layout: str = "mono", gains: Sequence[float] | None = None
) -> bytes:
    """The tone in a container, in each channel as loud as its gain says."""
    channels = av.AudioLayout(layout).nb_channels
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout=layout)
        sound = np.outer(tone(rate), gains or [1] * channels).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(sound.reshape(1, -1), "flt", layout)
        frame.sample_rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)
    return file.getvalue()


def pitch(samples: Samples) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)[spectrum.argmax()])


@pytest.mark.parametrize(
    ("container", "codec", "rate", "layout"),
    [
        ("wav", "pcm_s16le", 16_000, "mono"),
        ("wav", "pcm_s16le", 44_100, "stereo"),
        ("flac", "flac", 44_100, "stereo"),
        ("mp3", "libmp3lame", 44_100, "mono"),
        ("ipod", "aac", 48_000, "stereo"),
        ("webm", "libopus", 48_000, "mono"),
        ("wav", "pcm_u8", 8_000, "mono"),
        ("wav", "pcm_s24le", 96_000, "stereo"),
        ("wav", "pcm_s64le", 16_000, "stereo"),
        ("wav", "pcm_f64le", 22_050, "stereo"),
        ("wav", "pcm_f32le", 16_000, "5.1"),
        ("wav", "pcm_mulaw", 8_000, "stereo"),
        ("flac", "flac", 48_000, "7.1"),
        ("ipod", "aac", 48_000, "5.1"),
        ("webm", "libopus", 48_000, "5.1"),
        ("wav", "pcm_s16le", 16_000, "3 channels"),
        ("wav", "pcm_s16le", 16_000, "12 channels"),
        ("wav", "pcm_s16le", 48_000, "22.2"),
        ("wav", "pcm_s16le", 16_000, "hexadecagonal"),
    ],
)
def test_every_container_becomes_mono_at_16_khz(container: str, codec: str, rate: int, layout: str) -> None:
    samples = decode(io.BytesIO(recording(container, codec, rate=rate, layout=layout)), longest=10)
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


LAYOUTS = ["stereo", "2.1", "3.0", "quad", "5.0", "5.1", "5.1(side)", "7.1", "3 channels", "6 channels"]


@pytest.mark.parametrize(
    ("container", "rate", "layout"),
    [
        *(("wav", rate, layout) for rate in (16_000, 44_100) for layout in [*LAYOUTS, "12 channels"]),
        *(("flac", 48_000, layout) for layout in LAYOUTS),
    ],
)
def test_what_is_in_any_channel_is_heard(container: str, rate: int, layout: str) -> None:
    codec = "flac" if container == "flac" else "pcm_s16le"
    channels = av.AudioLayout(layout).nb_channels
    for place in range(channels):
        gains = [float(channel == place) for channel in range(channels)]
        samples = decode(io.BytesIO(recording(container, codec, rate=rate, layout=layout, gains=gains)), longest=10)
        assert pitch(samples) == pytest.approx(PITCH, abs=1)
        assert np.abs(samples[SAMPLE_RATE // 2 : -SAMPLE_RATE // 2]).max() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("layout", "gains"),
    [("stereo", (1, -1)), ("stereo", (-0.8, 1)), ("5.1", (1, -1, 0, 0, 0, 0)), ("quad", (1, -1) * 2)],
)
def test_opposite_phases_are_heard(layout: str, gains: tuple[float, ...]) -> None:
    for container, codec in (("wav", "pcm_s16le"), ("flac", "flac"), ("ipod", "aac")):
        samples = decode(io.BytesIO(recording(container, codec, rate=48_000, layout=layout, gains=gains)), longest=10)
        assert pitch(samples) == pytest.approx(PITCH, abs=1)
        assert np.abs(samples[SAMPLE_RATE // 2 : -SAMPLE_RATE // 2]).max() > 0.4


# Streams whose packets say themselves what they hold, so that files of them can be written behind each other.
JOINED = [
    ("mp3", "libmp3lame", [(44_100, "mono"), (48_000, "mono")]),
    ("mp3", "libmp3lame", [(44_100, "mono"), (44_100, "stereo")]),
    ("mp3", "libmp3lame", [(48_000, "stereo"), (22_050, "mono"), (44_100, "stereo")]),
    ("mp3", "libmp3lame", [(16_000, "mono"), (44_100, "stereo"), (16_000, "mono")]),
    ("adts", "aac", [(44_100, "mono"), (48_000, "stereo")]),
    ("adts", "aac", [(48_000, "5.1"), (16_000, "mono"), (48_000, "stereo")]),
    ("ac3", "ac3", [(48_000, "5.1"), (48_000, "stereo"), (44_100, "mono")]),
    ("ogg", "libopus", [(48_000, "stereo"), (48_000, "mono")]),
    ("ogg", "libopus", [(48_000, "mono"), (16_000, "5.1"), (48_000, "mono"), (24_000, "stereo")]),
    ("mpegts", "aac", [(44_100, "mono"), (48_000, "stereo")]),
]


@pytest.mark.parametrize(("container", "codec", "parts"), JOINED)
def test_a_recording_may_change_its_rate_and_its_channels_midway(
    container: str, codec: str, parts: list[tuple[int, str]]
) -> None:
    data = b"".join(recording(container, codec, rate=rate, layout=layout) for rate, layout in parts)
    samples = decode(io.BytesIO(data), longest=20)
    assert len(samples) / SAMPLE_RATE == pytest.approx(SECONDS * len(parts), abs=0.15 * len(parts))
    for number in range(len(parts)):
        middle = samples[int((number * SECONDS + 0.5) * SAMPLE_RATE) : int((number * SECONDS + 1.5) * SAMPLE_RATE)]
        assert pitch(middle) == pytest.approx(PITCH, abs=2)
        assert np.abs(middle).max() == pytest.approx(0.5, abs=0.1)


def test_flac_files_behind_each_other_are_heard() -> None:
    """How long they are is not tested: libav finds frames at the seam that are none."""
    data = recording("flac", "flac", rate=44_100, layout="stereo") + recording("flac", "flac", rate=48_000)
    samples = decode(io.BytesIO(data), longest=20)
    assert len(samples) / SAMPLE_RATE >= 2 * SECONDS
    assert pitch(samples[: SAMPLE_RATE * 2]) == pytest.approx(PITCH, abs=2)
    assert pitch(samples[-SAMPLE_RATE:]) == pytest.approx(PITCH, abs=2)


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
    for reads in (decode, check):
        with pytest.raises(InvalidValue, match=reason) as refused:
            reads(io.BytesIO(data), longest=10)
        assert refused.value.failure.param == "file"


def test_a_recording_over_the_bound_is_refused() -> None:
    data = recording("wav", "pcm_s16le")
    assert len(decode(io.BytesIO(data), longest=SECONDS)) == SECONDS * SAMPLE_RATE
    for reads in (decode, check):
        with pytest.raises(InvalidValue, match=r"longer than the 1\.9 seconds") as refused:
            reads(io.BytesIO(data), longest=1.9)
        assert refused.value.failure.param == "file"


def test_a_recording_that_only_says_that_it_is_too_long_is_taken() -> None:
    """The length in a header need not be true."""
    data = bytearray(recording("wav", "pcm_s16le"))
    at = data.index(b"data") + 4
    data[at : at + 4] = (len(data) * 1000).to_bytes(4, "little")
    check(io.BytesIO(bytes(data)), longest=SECONDS)
    assert len(decode(io.BytesIO(bytes(data)), longest=SECONDS)) == SECONDS * SAMPLE_RATE


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
