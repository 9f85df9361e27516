"""A recording under way: its passages in their order, and what was told of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tasks.values import events
from tasks.values.events import Event
from workers.engines.speech.passages import Passage
from workers.engines.speech.plan import Plan
from workers.engines.speech.recording import Recording


@dataclass(eq=False)
class Row:
    """One recording of the batch; `names` are the languages' by their codes."""

    plan: Plan
    recording: Recording
    names: dict[str, str]
    language: str | None = None
    _passages: list[Passage] = field(default_factory=list)  # those that have not been told to their end
    _known: int = 0  # windows of the recording that became passages
    _complete: bool = False  # whether there are no more
    _begun: events.Recording | None = None
    _tokens: int = 0

    def __post_init__(self) -> None:
        self.language = self.plan.language

    def collect(self) -> None:
        """Take in the windows that were found since; raises what the recording could not be decoded for."""
        complete = self.recording.complete  # asked first: windows that come meanwhile are among the next ones
        if self.recording.error is not None:
            raise self.recording.error
        windows = self.recording.windows(self._known)
        self._known += len(windows)
        self._passages += [Passage.of(one, self.plan) for one in windows if one.end > self.plan.done]
        self._complete = complete

    @property
    def waiting(self) -> list[Passage]:
        """The passages that nobody hears yet: the first one only until it has told the language."""
        known = self._passages if self.language else self._passages[:1]
        return [passage for passage in known if not passage.over and passage.attempt is None]

    @property
    def busy(self) -> int:
        """How many of its passages are being heard."""
        return sum(passage.attempt is not None for passage in self._passages)

    def tell(self) -> Iterator[Event]:
        """What is known since the last call, up to Done."""
        passed = list(self._passed())
        if self._begun is None and (passed or self._complete or self.plan.done) and (self.language or self._over):
            self._begun = self._recording()
            yield self._begun
            if self.plan.done:
                yield from self.plan.told
                yield self._progress(self.plan.done)
                self._tokens += sum(len(segment.tokens) for segment in self.plan.told)
        yield from passed
        if self._over:
            if self._recording() != self._begun:
                yield self._recording()
            prompt = len(self.plan.prompt) + len(self.plan.hotwords)
            yield events.Done(events.Usage(prompt, self._tokens, seconds=self.recording.seconds))

    def _passed(self) -> Iterator[Event]:
        while self._passages:
            passage = self._passages[0]
            for segments, until in passage.told:
                yield from segments
                yield self._progress(until)
                self._tokens += sum(len(segment.tokens) for segment in segments)
            passage.told.clear()
            if not passage.over:
                return
            del self._passages[0]

    @property
    def _over(self) -> bool:
        return self._complete and not self._passages

    def _recording(self) -> events.Recording:
        return events.Recording(self.recording.seconds, self.language, self.names.get(self.language or ""))

    def _progress(self, until: int) -> events.Progress:
        return events.Progress(until, max(until, self.recording.frames))
