"""Tries that are decoded together: each hears one window at one temperature, and joins and leaves between tokens."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np

from workers import blas
from workers.engines.speech.network import Cache, Network
from workers.engines.speech.token_rules import Token, TokenRules

blas.preload()

import mlx.core as mx  # noqa: E402 - after OpenBLAS


@dataclass(eq=False)
class Try:
    """A window heard at a temperature: the tokens before its text, and what is said so far."""

    features: mx.array  # (positions, state)
    prefix: tuple[int, ...]
    temperature: float
    seed: int
    said: list[Token] = field(default_factory=list)
    no_speech: float = 0.0
    random: np.random.Generator = field(init=False)  # its own, so that neighbours change nothing

    def __post_init__(self) -> None:
        self.random = np.random.default_rng([self.seed, int(1000 * self.temperature)])

    @property
    def tokens(self) -> list[int]:
        """The tokens of its text, without the end."""
        return [token.id for token in self.said]


@dataclass(frozen=True)
class Outcome:
    """What came of a try."""

    tokens: tuple[Token, ...]
    text: str
    average: float  # log probability of a token, the end among them
    no_speech: float
    temperature: float

    @property
    def compression(self) -> float:
        """How often the text repeats itself: its bytes to those that zlib makes of them."""
        data = self.text.encode()
        return len(data) / len(zlib.compress(data))


class Decoder:
    """The batch of tries; one `step` is one token of every one of them."""

    def __init__(self, network: Network, tokenizer: Any, *, context: int, precision: float) -> None:
        self._network, self._tokenizer = network, tokenizer
        self._rules = TokenRules(tokenizer, precision)
        self._longest = context // 2  # tokens of a window
        self._cache: Cache | None = None
        self._tries: list[Try] = []

    def __len__(self) -> int:
        return len(self._tries)

    def join(self, tries: Sequence[Try]) -> list[tuple[Try, Outcome]]:
        """Let tries begin, each with its first token; returns those that are over with it."""
        over: list[tuple[Try, Outcome]] = []
        for _, alike in groupby(sorted(tries, key=lambda one: len(one.prefix)), key=lambda one: len(one.prefix)):
            over += self._begin(list(alike))
        return over

    def _begin(self, tries: list[Try]) -> list[tuple[Try, Outcome]]:
        cache = self._network.listen(mx.stack([one.features for one in tries]))
        states = self._network.decode(mx.array([one.prefix for one in tries]), cache)
        starts = [one.prefix.index(self._tokenizer.sot) for one in tries]
        at_start = self._network.logits(states[mx.arange(len(tries)), mx.array(starts)])
        silence = np.array(mx.softmax(at_start, -1)[:, self._tokenizer.no_speech])
        for one, no_speech in zip(tries, silence, strict=True):
            one.no_speech = float(no_speech)
        ended = self._say(tries, self._network.logits(states[:, -1]))
        left = [at for at, one in enumerate(tries) if one not in ended]
        if left:
            if len(left) < len(tries):
                cache.keep(left)
            if self._cache is None:
                self._cache = cache
            else:
                self._cache.join(cache)
            self._tries += [tries[at] for at in left]
        return [(one, outcome) for one, outcome in ended.items()]

    def step(self) -> list[tuple[Try, Outcome]]:
        """The next token of every try; returns those that are over with it."""
        if self._cache is None:
            return []
        last = mx.array([[one.said[-1].id] for one in self._tries])
        states = self._network.decode(last, self._cache)
        ended = self._say(self._tries, self._network.logits(states[:, -1]))
        self._keep([at for at, one in enumerate(self._tries) if one not in ended])
        return list(ended.items())

    def drop(self, tries: Sequence[Try]) -> None:
        """Forget tries that nobody wants any more."""
        gone = set(map(id, tries))
        self._keep([at for at, one in enumerate(self._tries) if id(one) not in gone])

    def _keep(self, rows: list[int]) -> None:
        if len(rows) == len(self._tries):
            return
        self._tries = [self._tries[row] for row in rows]
        if self._cache is not None and rows:
            self._cache.keep(rows)
            mx.eval(self._cache.arrays())
        else:
            self._cache = None

    def _say(self, tries: Sequence[Try], logits: mx.array) -> dict[Try, Outcome]:
        """Give every try its next token; what came of those that are over."""
        text, looked = self._rules.look(logits)
        ended: dict[Try, Outcome] = {}
        for row, one in enumerate(tries):
            if one.temperature:
                numbers = np.array(text[row])
                token = self._rules.sampled(one.tokens, looked[row], numbers, one.temperature, one.random)
            else:
                token = self._rules.greedy(one.tokens, looked[row])
            one.said.append(token)
            if token.id == self._rules.end or len(one.said) == self._longest:
                ended[one] = self._outcome(one)
        return ended

    def _outcome(self, one: Try) -> Outcome:
        tokens = tuple(token for token in one.said if token.id != self._rules.end)
        average = sum(token.logprob for token in one.said) / (len(tokens) + 1)
        text = self._tokenizer.decode([token.id for token in tokens]).strip()
        return Outcome(tokens, text, average, one.no_speech, one.temperature)
