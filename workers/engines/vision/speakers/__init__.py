"""Architectures of mlx-vlm that speak their answers: a file each, named as the `model_type`, with a `load`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from workers.engines.vision.general.language import GeneralLanguage
from workers.engines.vision.general.prompt import Embedded
from workers.media.downmix import Samples

NAMES = tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem != "__init__"))


class Speakable(NamedTuple):
    """An answer to speak: the prompt that it answers, its tokens, the voice, and what its samples are drawn with."""

    prompt: Sequence[int]
    embedded: Embedded | None
    answer: Sequence[int]
    voice: str | None
    seed: int


class Speaker(Protocol):
    """What speaks a model's answers; `voices` are the names that a request may give, the usual one first."""

    rate: int  # samples a second
    voices: tuple[str, ...]

    def speak(self, speakable: Speakable) -> Iterator[Samples | None]:
        """The answer's audio, mono samples in [-1, 1], a bounded piece of work at a time; None where one made none.

        Only the engine thread may ask; others may be spoken between two pieces.
        """
        ...


def speaker(model_type: str | None, model: Any, language: GeneralLanguage) -> Speaker | None:
    """What speaks the answers of a loaded model; None where nothing does, or its weights lack that part."""
    if model_type not in NAMES:
        return None
    found: Speaker | None = import_module(f"{__name__}.{model_type}").load(model, language)
    return found
