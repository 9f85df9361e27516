"""What a step of the batch came to, besides the tokens that were spoken."""

from __future__ import annotations

from typing import NamedTuple

from workers.engines.text.sequence import Source


class Prefilled(NamedTuple):
    """So many tokens of a prompt are in the KV cache."""

    source: Source
    done: int
    total: int


class Ready(NamedTuple):
    """A prompt is in the KV cache; its sequences speak from the next step on."""

    source: Source


class Unseen(NamedTuple):
    """A prompt that is given up, because what it shows could not be looked at."""

    source: Source
    error: Exception
