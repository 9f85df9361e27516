"""The audio of a realtime socket that is not yet an utterance, and where in it somebody begins and ends to speak."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from tasks.values.errors import InvalidValue
from web.realtime.formats import CHUNK, Format

LONGEST = 300_000  # milliseconds of an utterance, and of what waits to be one
SHORTEST = 100
_RELENT = 0.15  # so far below the threshold speech is still speech, as in silero's own code
Detector: TypeAlias = Callable[[bytes], float]  # the probability of speech in a chunk at 16 kHz


@dataclass(frozen=True)
class Vad:
    """What counts as speech; times are milliseconds."""

    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 500


@dataclass(frozen=True)
class Started:
    """Somebody speaks; what is heard of it begins at `ms` of the session's audio."""

    ms: int


@dataclass(frozen=True)
class Stopped:
    """Nobody speaks any more; the utterance ends at `ms`, silence included."""

    ms: int
    audio: bytes


class Listener:
    """Takes audio as it comes. Without a detector it waits to be committed."""

    def __init__(self, format: Format, vad: Vad, detector: Detector | None, begin: int = 0) -> None:
        self._format, self._vad, self._detector = format, vad, detector
        self._audio, self._begin = bytearray(), begin  # the bytes that wait, and how many came before them
        self._heard = begin  # up to where the detector has listened
        self._since: int | None = None  # where the speech that goes on begins
        self._quiet = 0  # bytes of silence at its end

    @property
    def end(self) -> int:
        """Bytes that have come, with those that are gone."""
        return self._begin + len(self._audio)

    def append(self, data: bytes) -> Iterator[Started | Stopped]:
        """Take audio; has to be gone through. InvalidValue when more waits than may."""
        if self._detector is None and len(self._audio) + len(data) > LONGEST * self._format.millisecond:
            message = f"'audio': the buffer holds {LONGEST // 1000} seconds; commit or clear it first"
            raise InvalidValue(message, param="audio")
        self._audio += data
        step = CHUNK * self._format.millisecond
        while self._detector is not None and self._heard + step <= self.end:
            at = self._heard - self._begin
            self._heard += step
            yield from self._take(self._detector(self._format.resampled(bytes(self._audio[at : at + step]))), step)

    def _take(self, chance: float, step: int) -> Iterator[Started | Stopped]:
        millisecond = self._format.millisecond
        if self._since is None:
            padding = self._vad.prefix_padding_ms * millisecond
            if chance < self._vad.threshold:
                self._drop(self._heard - padding)
                return
            self._drop(self._heard - step - padding)
            self._since, self._quiet = self._begin, 0
            yield Started(self._since // millisecond)
            return
        self._quiet = 0 if chance >= self._vad.threshold - _RELENT else self._quiet + step
        silent = self._quiet >= max(step, self._vad.silence_duration_ms * millisecond)
        if silent or self._heard - self._since >= LONGEST * millisecond:
            yield Stopped(self._heard // millisecond, self._cut(self._heard))

    def commit(self) -> bytes:
        """All that waits, as an utterance; InvalidValue when that is too little."""
        if len(self._audio) < SHORTEST * self._format.millisecond:
            raise InvalidValue(f"the buffer holds less than {SHORTEST} ms of audio; append some before you commit")
        return self._cut(self.end)

    def take(self) -> bytes:
        """All that waits, however little; nothing of it is here any more."""
        return self._cut(self.end)

    def _cut(self, end: int) -> bytes:
        """Take out what is before `end`, where the next utterance may begin."""
        taken = bytes(self._audio[: end - self._begin])
        self._drop(end)
        self._since, self._heard = None, max(self._heard, end)
        return taken

    def _drop(self, until: int) -> None:
        count = max(0, until - self._begin)
        del self._audio[:count]
        self._begin += count
