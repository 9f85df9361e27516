"""Where a recording is cut into windows that are heard apart: in pauses, of which voice activity tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

CHUNK = 512  # samples that one probability of speech is for
FRAME = 160  # samples
WINDOW = 3000  # frames that a model hears at once
_CHUNKS = WINDOW * FRAME // CHUNK  # whole ones of a window
_GAP = 5.0  # seconds of silence that always end a window where silence is left out
_LEAD = 31  # chunks that a detector hears before its word counts: a second
_SECOND = 16_000 / CHUNK


@dataclass(frozen=True)
class Window:
    """A stretch of a recording that is heard by itself, in frames from the recording's beginning."""

    start: int
    end: int


@dataclass(frozen=True)
class Voice:
    """What counts as speech: its probability, the seconds of a pause, and the seconds around speech that are heard."""

    threshold: float = 0.5
    silence: float = 0.2
    padding: float = 0.3


class Cutter:
    """Cuts a recording as its probabilities of speech come in, a chunk at a time.

    A window ends in the last pause of its second half, in the pause's middle; where there is none, in the most silent
    moment there. With `skip` silence is left out: a window begins and ends with speech.
    """

    def __init__(self, voice: Voice, *, skip: bool) -> None:
        self._voice, self.skip = voice, skip
        self._padding = round(voice.padding * _SECOND)
        self._begin = 0  # the chunk where the window begins
        self._chances: list[float] = []  # of the window's chunks
        self._quiet = 0  # chunks of silence at its end

    @property
    def looks(self) -> bool:
        """Whether the next chunk's probability matters; where it does not, any may be told."""
        return self.skip or len(self._chances) >= _CHUNKS // 2 - _LEAD

    def add(self, chance: float) -> Iterator[Window]:
        """Take the next chunk's probability; the window that ends with it, if one does."""
        self._chances.append(chance)
        self._quiet = 0 if self._speaks(chance) else self._quiet + 1
        if self.skip and self._quiet == len(self._chances):
            dropped = max(0, len(self._chances) - self._padding)
            self._begin, self._chances = self._begin + dropped, self._chances[dropped:]
            self._quiet = len(self._chances)
        elif self.skip and self._quiet >= _GAP * _SECOND:
            yield from self._cut(len(self._chances))
        elif len(self._chances) == _CHUNKS:
            yield from self._cut(self._place())

    def end(self, samples: int) -> Iterator[Window]:
        """The last window of a recording of this many samples."""
        yield from self._window(len(self._chances), -(-samples // FRAME))

    def _speaks(self, chance: float) -> bool:
        return chance >= self._voice.threshold

    def _place(self) -> int:
        """The chunk in which a full window is cut."""
        half, enough = len(self._chances) // 2, max(1, round(self._voice.silence * _SECOND))
        pause, place, run = 0, half, 0
        for at in range(half, len(self._chances)):
            run = 0 if self._speaks(self._chances[at]) else run + 1
            if run and min(run, enough) >= pause:
                pause, place = min(run, enough), at - run // 2
        if pause:
            return place
        return min(range(half, len(self._chances)), key=lambda at: (self._chances[at], -at))

    def _cut(self, at: int) -> Iterator[Window]:
        yield from self._window(at)
        self._begin, self._chances = self._begin + at, self._chances[at:]
        self._quiet = min(self._quiet, len(self._chances))

    def _window(self, count: int, last: int | None = None) -> Iterator[Window]:
        """The window of the first `count` chunks; `last` is the recording's last frame, where it ends there."""
        first, end = 0, count
        if self.skip:
            spoken = [at for at in range(count) if self._speaks(self._chances[at])]
            if not spoken:
                return
            first, end = max(0, spoken[0] - self._padding), min(count, spoken[-1] + 1 + self._padding)
        start = (self._begin + first) * CHUNK // FRAME
        stop = last if last is not None and end == count else (self._begin + end) * CHUNK // FRAME
        if stop > start:
            yield Window(start, stop)
