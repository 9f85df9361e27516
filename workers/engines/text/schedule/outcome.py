"""What a step of the batch came to, besides the tokens that were spoken."""

from __future__ import annotations

from typing import NamedTuple

from workers.engines.text.schedule.rows import PromptGroup


class Prefilled(NamedTuple):
    """So many tokens of a prompt are in the KV cache."""

    source: PromptGroup
    done: int
    total: int


class Ready(NamedTuple):
    """A prompt is in the KV cache; its sequences speak from the next step on."""

    source: PromptGroup


class Unseen(NamedTuple):
    """A prompt that is given up, because what it shows could not be looked at."""

    source: PromptGroup
    error: Exception
