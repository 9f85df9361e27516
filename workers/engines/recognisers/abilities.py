"""What a family of mlx-audio's recognisers can be asked, by the parameters of its `generate`."""

from __future__ import annotations

from collections.abc import Set
from typing import NamedTuple

_LANGUAGES = (
    "source_lang",
    "source_language",
    "language",
)  # a family that has the first ones means another by the last
_PROMPTS = ("system_prompt", "context")  # how families call what a client knows beforehand


class Abilities(NamedTuple):
    """`language` and `prompt` are the parameters that take what is spoken, and what a client knows beforehand.

    `times` are those of words and sentences.
    """

    language: str | None
    translates: bool
    prompt: str | None
    hotwords: bool
    temperature: bool
    times: bool


def abilities(parameters: Set[str]) -> Abilities:
    """What a `generate` with these parameters can be asked."""
    return Abilities(
        language=next((name for name in _LANGUAGES if name in parameters), None),
        translates="target_lang" in parameters,
        prompt=next((name for name in _PROMPTS if name in parameters), None),
        hotwords="hotwords" in parameters,
        temperature="temperature" in parameters,
        times="overlap_duration" in parameters,  # transducers, which know when each token was spoken
    )
