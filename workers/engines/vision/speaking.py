"""A text engine that speaks its answers where a request wants that: written in the batch, then spoken beside it."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import structlog

from tasks.stored.blobs import BlobStore
from tasks.values import events
from tasks.values.errors import EngineError, Failure, InvalidValue
from tasks.values.events import Event
from tasks.values.model import Details
from tasks.values.requests import AudioOutput
from workers.engine import Prepared
from workers.engines.lm import TextEngine
from workers.engines.text.plan import Plan
from workers.engines.vision.speakers import Speakable, Speaker
from workers.engines.voices.chunks import Chunks

log = structlog.get_logger()


@dataclass(eq=False)
class Speech:
    """An answer that is to be spoken: what was told of it so far, and once it is over, the `pieces` of its audio.

    `end` is its last delta, which waits for the audio; `done` of its pieces are through. A row may pause meanwhile.
    """

    plan: Plan
    audio: AudioOutput
    told: list[events.Delta] = field(default_factory=list)
    end: events.Delta = field(default_factory=lambda: events.Delta(""))
    pieces: Generator[list[Event]] | None = None
    done: int = 0
    paused: bool = False

    @property
    def text(self) -> str:
        """What there is to say: an answer that calls tools is not for ears."""
        return "" if any(delta.calls for delta in self.told) else "".join(delta.text for delta in self.told)


class SpeakingEngine(TextEngine):
    """A text engine whose model has a `speaker`; audio is kept in `blobs`. The other arguments are a text engine's."""

    def __init__(self, *args: Any, speaker: Speaker, blobs: BlobStore, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._speaker, self._blobs = speaker, blobs
        self._speeches: dict[str, Speech] = {}  # by row

    @property
    def details(self) -> Details:
        """What a text engine tells, and the voices."""
        return msgspec.structs.replace(super().details, voices=self._speaker.voices)

    def _check_audio(self, audio: AudioOutput) -> None:
        if audio.voice is not None and self._voice(audio) is None:
            message = f"this model has no voice '{audio.voice}'; it has {', '.join(self._speaker.voices)}"
            raise InvalidValue(message, param="audio.voice")

    def _voice(self, audio: AudioOutput) -> str | None:
        """The voice's own name; None for the usual one, and for one that there is not."""
        asked = (audio.voice or "").lower()
        return next((voice for voice in self._speaker.voices if voice.lower() == asked), None)

    def admit(self, row: str, prepared: Prepared[Plan]) -> None:
        super().admit(row, prepared)
        if prepared.plan.audio is not None:
            self._speeches[row] = Speech(prepared.plan, prepared.plan.audio)

    def step(self) -> Sequence[tuple[str, Event]]:
        """A text engine's step, and a piece of what is to be spoken: people's first, then that which is least done."""
        try:
            written = super().step() if self._tasks else ()
        except Exception:
            self._speeches.clear()
            raise
        produced = [(row, event) for row, own in written for event in self._written(row, own)]
        speaking = [row for row, speech in self._speeches.items() if speech.pieces is not None and not speech.paused]
        if speaking:
            row = min(speaking, key=lambda one: (self._speeches[one].plan.bulk, self._speeches[one].done))
            produced += [(row, event) for event in self._spoken(row)]
        return produced

    def _written(self, row: str, event: Event) -> Iterator[Event]:
        """What is told at once of an answer's events; its end is kept until it is spoken."""
        speech = self._speeches.get(row)
        if speech is None:
            yield event
        elif isinstance(event, events.Delta):
            speech.told.append(event)
            if event.finish_reason is not None:
                speech.end = events.Delta("", event.index, event.finish_reason, stop=event.stop)
            yield msgspec.structs.replace(event, finish_reason=None, stop=None)
        elif isinstance(event, events.Done):
            speech.pieces = self._speak(speech, event)
        else:
            yield event

    def _speak(self, speech: Speech, done: events.Done) -> Generator[list[Event]]:
        """The events of an answer that is written: its audio, its last delta, and Done."""
        usage = done.usage
        if speech.text.strip():
            chunks = Chunks(self._blobs, speech.audio.format, self._speaker.rate)
            for samples in self._speaker.speak(self._speakable(speech)):
                yield [] if samples is None else [*chunks.add(samples)]
            yield [*chunks.end()]
            usage = msgspec.structs.replace(
                usage,
                completion_tokens=usage.completion_tokens + chunks.tokens,
                audio_tokens=chunks.tokens,
                seconds=chunks.seconds,
            )
        yield [speech.end, events.Done(usage)]

    def _speakable(self, speech: Speech) -> Speakable:
        plan, audio = speech.plan, speech.audio
        tokens, media, embedded = plan.prompts[0], plan.media, None
        if media is not None:
            if media.needs_encoding(0):  # the prompt came out of the prompt cache
                media.encode_next(0)
            embedded = media.features(0, len(tokens)).prompt
        answer = self._prompts.encode(speech.text, special=False)
        return Speakable(tokens, embedded, answer, self._voice(audio), audio.seed)

    def _spoken(self, row: str) -> list[Event]:
        """The events of the next piece of an answer's audio; what goes wrong with it ends its job alone."""
        speech = self._speeches[row]
        assert speech.pieces is not None  # noqa: S101  (nobody else is asked)
        speech.done += 1
        try:
            spoken = next(speech.pieces)
        except Exception as error:
            log.exception("an answer could not be spoken", job_id=row)
            message = f"the answer could not be spoken: {type(error).__name__}: {error}"
            spoken = [events.Failed(Failure(EngineError.code, message))]
        if spoken and isinstance(spoken[-1], events.TERMINAL):
            self.drop(row)
        return spoken

    def pause(self, row: str) -> bool:
        if row in self._tasks:
            return super().pause(row)
        self._speeches[row].paused = True
        return True

    def resume(self, row: str) -> None:
        if row in self._tasks:
            super().resume(row)
        else:
            self._speeches[row].paused = False

    def drop(self, row: str) -> None:
        super().drop(row)
        speech = self._speeches.pop(row, None)
        if speech is not None and speech.pieces is not None:
            speech.pieces.close()
