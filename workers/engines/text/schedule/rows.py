"""What the batch works on: a prompt, and the answers that begin where it ends."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from workers.engines.text.cache.prompt_store import Restored
from workers.engines.text.sampling.guide import Guide
from workers.engines.text.sampling.options import Options
from workers.engines.text.sampling.pick import Pick


class Logprob(NamedTuple):
    """A token's natural log probability, and the likeliest tokens' with their ids, likeliest first."""

    drawn: float | None
    ids: Sequence[int]
    values: Sequence[float]


class Shown(Protocol):
    """What a prompt shows beside its text, at places that it keeps free for that.

    `key` is the prompt's ids with others in those places, beyond the vocabulary: the same for the same thing only.
    """

    key: list[int]

    def blind(self, start: int) -> bool:
        """Whether something from this token on has still to be looked at."""
        ...

    def look(self, start: int) -> None:
        """Look at some of it, a bounded piece of work; only the engine thread may."""
        ...

    def piece(self, start: int, end: int) -> Any:
        """What the model needs to know of the tokens from `start` to `end`; None where they are all text."""
        ...


@dataclass(eq=False)
class Row:
    """One answer in the making: `tokens` are its prompt and what it has said; at most `limit` may be said.

    `cached` tokens of the prompt came from the prompt cache; `number` tells who came first. `guide` says what it may
    say, `forced` holds the tokens that it must say next, and `shown` belongs to its prompt. Nobody waits for a `bulk`
    one. What it leaves in the prompt cache is its `owner`'s.
    """

    job: str
    index: int
    options: Options
    limit: int
    prompt: int
    tokens: list[int]
    cached: int = 0
    guide: Guide | None = None
    forced: list[int] = field(default_factory=list)
    bulk: bool = False
    shown: Shown | None = None
    owner: str = ""
    number: int = field(default_factory=itertools.count().__next__)

    @property
    def said(self) -> int:
        """How many tokens of the answer there are."""
        return len(self.tokens) - self.prompt

    @property
    def key(self) -> list[int]:
        """What it is known by in the prompt cache."""
        return _key(self.tokens, self.shown)

    @property
    def pick(self) -> Pick:
        """What the sampler needs to know for the next token."""
        return Pick(self.options, self.prompt, self.tokens, self.guide, self.forced[0] if self.forced else None)

    def anew(self) -> PromptGroup:
        """Its prompt and what it has said, of which nothing is done yet, to go on from."""
        return PromptGroup(list(self.tokens), [self], None, self.shown, self.owner)

    def say(self, token: int) -> None:
        """Take the next token of the answer."""
        self.tokens.append(token)
        del self.forced[:1]
        if self.guide is not None:
            self.guide.hear(token)


@dataclass(eq=False)
class PromptGroup:
    """Tokens that are to be in a KV cache before the sequences that share them go on; they are prefilled once.

    `done` of them are in `caches`, `cached` of those from an earlier prompt, which may still be `restoring` from a
    file. `scored` asks for the log probabilities of the prompt itself, with so many alternatives. At `marks` (tokens)
    the cache is kept for other prompts of its `owner`, where it is known by `ids`.
    """

    tokens: list[int]
    sequences: list[Row]
    scored: int | None = None
    shown: Shown | None = None
    owner: str = ""
    cached: int = 0
    done: int = 0
    caches: list[Any] | None = None
    scores: list[Logprob] = field(default_factory=list)
    restoring: Future[Restored | None] | None = None
    marks: set[int] = field(default_factory=set)
    ids: Any = None

    def __post_init__(self) -> None:
        self.ids = np.array(_key(self.tokens, self.shown), np.int32)

    def anew(self, sequences: list[Row]) -> PromptGroup:
        """The same prompt, of which nothing is done yet, for these sequences."""
        return PromptGroup(self.tokens, sequences, self.scored, self.shown, self.owner)

    @property
    def bulk(self) -> bool:
        """Whether nobody waits for its sequences."""
        return all(row.bulk for row in self.sequences)

    @property
    def left(self) -> int:
        """Tokens to prefill: all but the last, whose turn is the first step of decoding."""
        return len(self.tokens) - 1 - self.done

    @property
    def blind(self) -> bool:
        """Whether it must look at more of what it shows before it can go on."""
        return self.shown is not None and self.shown.blind(self.done)

    def piece(self, length: int) -> Any:
        """What the model needs to know of the next tokens; None where they are all text."""
        return None if self.shown is None else self.shown.piece(self.done, self.done + length)


def _key(tokens: list[int], shown: Shown | None) -> list[int]:
    return tokens if shown is None else [*shown.key, *tokens[len(shown.key) :]]
