"""What is said into a microphone is written down, an utterance a line."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import click
import pytest

from mlxq.cli.client import Client, ServerError
from mlxq.cli.commands.listen import _microphone, _pieces, transcripts
from mlxq.cli.commands.speak import _loudspeaker, _play
from tests.mlxq.cli.shell import mlxq
from tests.support import recordings
from tests.support.servers import Stack


def microphone(path: Path) -> Iterator[bytes]:
    """A recording as 16-bit samples at 24 kHz, and two seconds of silence."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=24_000, frame_size=2400)
    with av.open(str(path)) as recording:
        for frame in [*recording.decode(audio=0), None]:
            for piece in resampler.resample(frame):
                yield piece.to_ndarray().tobytes()
    for _ in range(20):
        yield bytes(4800)


def test_what_is_said_is_written_down(real_stack: Stack) -> None:
    path, words = recordings.librivox()[4]
    texts = transcripts(Client(real_stack.url, None), microphone(path), {"language": "en"})
    assert set(words.split()[:4]) <= set(next(texts).lower().replace(",", "").split())
    texts.close()


def test_a_server_that_does_not_listen_is_told(real_stack: Stack) -> None:
    with pytest.raises(ServerError, match="does not exist"):
        next(transcripts(Client(real_stack.url, None), iter([]), {"model": "nobody"}))
    with pytest.raises(ServerError, match="nothing listens"):
        next(transcripts(Client("http://127.0.0.1:9", None), iter([]), {}))


class Devices:
    """What sounddevice has, with a microphone and a loudspeaker that keep what they are given."""

    PortAudioError = OSError

    def __init__(self, microphone: io.BytesIO | None = None) -> None:
        self.opened: dict[str, Any] = {}
        self.played = bytearray()
        self._microphone = microphone

    def RawInputStream(self, **given: Any) -> Devices:  # noqa: N802  (sounddevice's name)
        if self._microphone is None:
            raise self.PortAudioError("no device")
        self.opened = given
        return self

    def RawOutputStream(self, **given: Any) -> Devices:  # noqa: N802  (sounddevice's name)
        return self.RawInputStream(**given)

    def read(self, samples: int) -> tuple[bytes, bool]:
        assert self._microphone is not None
        return self._microphone.read(2 * samples), False

    def write(self, data: bytes) -> None:
        assert len(data) % 2 == 0
        self.played += data

    def __enter__(self) -> Devices:
        return self

    def __exit__(self, *_: object) -> None:
        return


def test_the_microphone_gives_pieces_of_a_tenth_of_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = Devices(io.BytesIO(bytes(range(256)) * 100))
    monkeypatch.setitem(sys.modules, "sounddevice", devices)
    pieces = _pieces(_microphone())
    assert [len(next(pieces)) for _ in range(3)] == [4800] * 3
    assert devices.opened == {"samplerate": 24_000, "channels": 1, "dtype": "int16", "blocksize": 2400}


def test_the_loudspeaker_is_given_whole_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = Devices(io.BytesIO())
    monkeypatch.setitem(sys.modules, "sounddevice", devices)
    _play(_loudspeaker(), iter([b"abc", b"d", b"", b"efg"]))
    assert devices.played == b"abcdef"


@pytest.mark.parametrize("opened", [_microphone, _loudspeaker])
def test_a_machine_without_sound_is_told_so(monkeypatch: pytest.MonkeyPatch, opened: Any) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", Devices())
    with pytest.raises(click.UsageError, match="there is no"):
        opened()
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(click.UsageError, match="pip install sounddevice"):
        opened()


def test_the_command_says_what_it_lacks(fake_stack: Stack) -> None:
    done = mlxq(fake_stack, "listen", "--model", "fake")
    assert done.code == 2 and ("sounddevice" in done.err or "microphone" in done.err)
