"""What the batch works on: a prompt, and the answers that begin where it ends."""

from __future__ import annotations

import itertools
import sys
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


class PromptMedia(Protocol):
    """The images, videos and sounds of a prompt, at places that it keeps free for them.

    `key` is the prompt's ids with others in those places, beyond the vocabulary: the same for the same thing only.
    """

    key: list[int]

    def needs_encoding(self, start: int) -> bool:
        """Whether something from this token on has still to be encoded."""
        ...

    def encode_next(self, start: int) -> None:
        """Encode some of it, a bounded piece of work; only the engine thread may."""
        ...

    def features(self, start: int, end: int) -> Any:
        """What the model needs to know of the tokens from `start` to `end`; None where they are all text."""
        ...


@dataclass(eq=False)
class Row:
    """One answer in the making: `tokens` are its prompt and what was generated; at most `limit` tokens may be.

    `cached` tokens of the prompt came from the prompt cache; `number` tells who came first. `guide` says which tokens
    may come next, `forced` holds those that must, and `media` belongs to its prompt. Nobody waits for a `bulk`
    one. What it leaves in the prompt cache is its `owner`'s. It is computed with its `adapter`. Not more than
    `together` tokens may come in one step: what is said by then may decide what follows.
    """

    job: str
    index: int
    options: Options
    limit: int
    prompt_length: int
    tokens: list[int]
    cached: int = 0
    guide: Guide | None = None
    forced: list[int] = field(default_factory=list)
    bulk: bool = False
    media: PromptMedia | None = None
    owner: str = ""
    adapter: str = ""
    together: int = sys.maxsize
    number: int = field(default_factory=itertools.count().__next__)

    @property
    def generated(self) -> int:
        """How many tokens of the answer there are."""
        return len(self.tokens) - self.prompt_length

    @property
    def key(self) -> list[int]:
        """What it is known by in the prompt cache."""
        return _key(self.tokens, self.media)

    @property
    def pick(self) -> Pick:
        """What the sampler needs to know for the next token."""
        return Pick(self.options, self.prompt_length, self.tokens, self.guide, self.forced[0] if self.forced else None)

    def anew(self) -> PromptGroup:
        """Its prompt and what was generated, of which nothing is done yet, to go on from."""
        return PromptGroup(list(self.tokens), [self], None, self.media, self.owner, self.adapter)

    def append(self, token: int) -> None:
        """Take the next token of the answer."""
        self.tokens.append(token)
        del self.forced[:1]
        if self.guide is not None:
            self.guide.accept(token)


@dataclass(eq=False)
class PromptGroup:
    """Tokens that are to be in a KV cache before the rows that share them go on; they are prefilled once.

    `done` of them are in `caches`, `cached` of those from an earlier prompt, which may still be `restoring` from a
    file. `scored` asks for the log probabilities of the prompt itself, with that many alternatives. At `marks` (tokens)
    the cache is kept for other prompts of its `owner`, where it is known by `ids`.
    """

    tokens: list[int]
    rows: list[Row]
    scored: int | None = None
    media: PromptMedia | None = None
    owner: str = ""
    adapter: str = ""
    cached: int = 0
    done: int = 0
    caches: list[Any] | None = None
    scores: list[Logprob] = field(default_factory=list)
    restoring: Future[Restored | None] | None = None
    marks: set[int] = field(default_factory=set)
    ids: Any = None

    def __post_init__(self) -> None:
        self.ids = np.array(_key(self.tokens, self.media), np.int32)

    def anew(self, rows: list[Row]) -> PromptGroup:
        """The same prompt, of which nothing is done yet, for these rows."""
        return PromptGroup(self.tokens, rows, self.scored, self.media, self.owner, self.adapter)

    @property
    def bulk(self) -> bool:
        """Whether nobody waits for its rows."""
        return all(row.bulk for row in self.rows)

    @property
    def left(self) -> int:
        """Tokens to prefill: all but the last, whose turn is the first step of decoding."""
        return len(self.tokens) - 1 - self.done

    @property
    def needs_encoding(self) -> bool:
        """Whether more of its media has to be encoded before it can go on."""
        return self.media is not None and self.media.needs_encoding(self.done)

    def features(self, length: int) -> Any:
        """What the model needs to know of the next tokens; None where they are all text."""
        return None if self.media is None else self.media.features(self.done, self.done + length)


def _key(tokens: list[int], media: PromptMedia | None) -> list[int]:
    return tokens if media is None else [*media.key, *tokens[len(media.key) :]]
