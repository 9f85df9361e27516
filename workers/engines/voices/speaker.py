"""A model of mlx-audio that speaks: its voices, what it can be asked, and the audio of one passage after the other."""

from __future__ import annotations

import inspect
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tasks.values.errors import InvalidValue, UnsupportedParameter
from tasks.values.requests import SpeechRequest
from workers import blas
from workers.engine import Unservable
from workers.engines.voices.architectures import Architecture
from workers.media import audio
from workers.media.downmix import Samples

blas.preload()

import mlx.core as mx  # noqa: E402 - after OpenBLAS
import numpy as np  # noqa: E402

DEFAULT = "default"  # the voice of a model that has but one
_FOLDERS = ("voices", "embeddings", "voice_embedding")  # where families keep a file for each voice
_INTERVAL = 1.0  # seconds of audio that a step makes, of a model that streams
_SHOWN = 50  # voices that an error lists
_LONGEST = 60.0  # seconds of a recording whose voice is imitated


class Recorded(NamedTuple):
    """A voice that is imitated: its recording's samples, and what is said in it where that is known."""

    samples: mx.array
    text: str | None


class Speaker:
    """One loaded model; `aliases` are voices that its entry adds: others' names, or recordings' paths."""

    def __init__(self, model: Any, architecture: Architecture, folder: Path, aliases: Mapping[str, str]) -> None:
        self._model, self._architecture = model, architecture
        self._takes = frozenset(inspect.signature(model.generate).parameters)
        self._own = tuple(_listed(model, folder)) if architecture.named == "listed" else ()
        self._recorded = {name: self._read(name, path) for name, path in aliases.items() if _is_path(path)}
        self._aliases = {name: voice for name, voice in aliases.items() if name not in self._recorded}
        for name, voice in self._aliases.items():
            if architecture.named == "listed" and voice not in self._own:
                raise Unservable(
                    f"voices: '{name}' is '{voice}', which is not one of the model's: {self._names(self._own)}"
                )

    @property
    def rate(self) -> int:
        """Samples a second."""
        return int(self._model.sample_rate)

    @property
    def voices(self) -> tuple[str, ...]:
        """The names that a request may give; of a model that takes any name those of its entry."""
        named = self._own or (() if self._architecture.named == "any" else (DEFAULT,) * self._speaks_by_itself)
        return tuple(dict.fromkeys((*named, *self._aliases, *self._recorded)))

    @property
    def _speaks_by_itself(self) -> bool:
        return self._architecture.imitates != "must"

    def arguments(self, request: SpeechRequest) -> Mapping[str, Any]:
        """What the model's `generate` is given for a request; an error names the field that it cannot honour."""
        chosen: dict[str, Any] = self._voice(request.voice)
        if request.instructions is not None:
            if not self._architecture.instructions:
                raise UnsupportedParameter("this model reads no 'instructions'; leave them out", param="instructions")
            chosen["instruct"] = request.instructions
        if self._architecture.streams:
            chosen |= {"stream": True, "streaming_interval": _INTERVAL}
        return chosen | ({"verbose": False} if "verbose" in self._takes else {})

    def _voice(self, asked: str | None) -> dict[str, Any]:
        if asked is None and not self._speaks_by_itself:
            asked = next(iter(self._recorded), None)
        if asked in self._recorded:
            recorded = self._recorded[asked]
            text = {"ref_text": recorded.text} if recorded.text is not None and "ref_text" in self._takes else {}
            return {"ref_audio": recorded.samples, **text}
        name = asked if asked is None else self._aliases.get(asked, asked)
        if name is None and self._own:
            name = self._own[0]
        if self._architecture.named == "listed" and self._own:
            name = next((known for known in self._own if name is not None and known.lower() == name.lower()), None)
            if name is None:
                raise self._unknown(asked)
        elif self._architecture.named != "any":
            if not self._speaks_by_itself or name not in (None, DEFAULT):
                raise self._unknown(asked)
            return {}
        if name is None:
            return {}
        return {"voice": name, **({"lang_code": name[0]} if self._architecture.by_letter else {})}

    def _unknown(self, asked: str | None) -> InvalidValue:
        if asked is None:
            message = "this model imitates a voice, and its entry in the models' file lists none in 'voices'"
        else:
            message = f"this model has no voice '{asked}'; it has {self._names(self.voices)}"
        return InvalidValue(message, param="voice")

    @staticmethod
    def _names(voices: tuple[str, ...]) -> str:
        more = f" and {len(voices) - _SHOWN} more" if len(voices) > _SHOWN else ""
        return (", ".join(voices[:_SHOWN]) or "none") + more

    def speak(self, passage: str, arguments: Mapping[str, Any], seed: int) -> Generator[Samples]:
        """The audio of a passage, mono samples in [-1, 1] at `rate`, float32, a step at a time.

        Nothing else may speak until it is over, or closed.
        """
        mx.random.seed(seed)
        try:
            for result in self._model.generate(passage, **arguments):
                # A model that computes nonsense must not break an encoder.
                yield np.nan_to_num(np.array(result.audio.astype(mx.float32)).reshape(-1))
        except SystemExit as error:  # so spaCy says that it could not fetch a language
            raise ImportError("what the model reads text with could not be fetched") from error

    def _read(self, name: str, path: str) -> Recorded:
        """A recording at the model's rate, and the text of the same name beside it."""
        if self._architecture.imitates == "never":
            raise Unservable(f"voices: '{name}' is a recording, and this model imitates none")
        file = Path(path).expanduser()
        try:
            with file.open("rb") as opened:
                samples = audio.decode(opened, _LONGEST, rate=self.rate)
        except (OSError, InvalidValue) as error:
            raise Unservable(f"voices: '{name}': {file}: {error}") from error
        text = file.with_suffix(".txt")
        return Recorded(mx.array(samples), text.read_text("utf-8").strip() if text.exists() else None)


def _is_path(voice: str) -> bool:
    return "/" in voice or Path(voice).suffix.lower() in (".wav", ".flac", ".mp3", ".ogg", ".m4a")


def _listed(model: Any, folder: Path) -> Iterator[str]:
    """The voices of a model, as its class tells them, its config, or the files of its folder."""
    if hasattr(model, "get_supported_speakers"):
        yield from map(str, model.get_supported_speakers() or ())
        return
    voices = getattr(model, "voices", None) or getattr(model.config, "speakers", None) or ()
    yield from map(str, voices)
    for place in _FOLDERS:
        yield from sorted(path.stem for path in (folder / place).glob("*.safetensors"))
