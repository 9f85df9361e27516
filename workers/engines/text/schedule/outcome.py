"""What a step of the batch came to, besides the tokens that were generated."""

from __future__ import annotations

from typing import NamedTuple

from workers.engines.text.schedule.rows import PromptGroup


class Prefilled(NamedTuple):
    """So many tokens of a prompt are in the KV cache."""

    prompt: PromptGroup
    done: int
    total: int


class Ready(NamedTuple):
    """A prompt is in the KV cache; its rows are decoded from the next step on."""

    prompt: PromptGroup


class MediaFailed(NamedTuple):
    """A prompt that is given up, because its media could not be encoded."""

    prompt: PromptGroup
    error: Exception
