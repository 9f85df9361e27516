"""How a sequence's tokens are chosen, with every default filled in."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, fields
from typing import Any

from tasks.values.requests import Sampling


@dataclass(frozen=True)
class Defaults:
    """What a request that says nothing gets; an entry's value, else the environment's, else the model's, else these.

    Ours change nothing: OpenAI's temperature and top_p, every penalty off.
    """

    max_tokens: int | None = None
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    xtc_probability: float = 0.0
    xtc_threshold: float = 0.1
    repetition_penalty: float = 1.0
    repetition_context_size: int = 20
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    seed: int | None = None


@dataclass(frozen=True)
class Options:
    """One sequence's settings; `choice` sets the answers of one request apart, `logprobs` is None or a number.

    Neither the end of the text nor one of `stop_token_ids` is drawn before `min_tokens`, and with `ignore_eos` the end
    never is.
    """

    temperature: float
    top_p: float
    top_k: int
    min_p: float
    xtc_probability: float
    xtc_threshold: float
    repetition_penalty: float
    repetition_context_size: int
    presence_penalty: float
    frequency_penalty: float
    logit_bias: tuple[tuple[int, float], ...]
    seed: int
    choice: int
    logprobs: int | None
    min_tokens: int = 0
    ignore_eos: bool = False
    stop_token_ids: tuple[int, ...] = ()

    @property
    def shaped(self) -> bool:
        """Whether the logits change before a token is drawn."""
        return bool(
            self.logit_bias
            or (self.repetition_penalty != 1 and self.repetition_context_size)
            or self.presence_penalty
            or self.frequency_penalty
        )


_CHOSEN = tuple(
    field.name for field in fields(Defaults) if field.name not in {"max_tokens", "seed"}
)  # the rest is not for sampling
_ASKED = ("logit_bias", "logprobs", "min_tokens", "ignore_eos", "stop_token_ids")  # which no default fills in


def options(asked: Sampling, defaults: Defaults, seed: int, choice: int) -> Options:
    """The settings of a request's answer number `choice`; `seed` is the request's."""
    chosen: dict[str, Any] = {}
    for name in _CHOSEN:
        value = getattr(asked, name)
        chosen[name] = getattr(defaults, name) if value is None else value
    for name in _ASKED:
        chosen[name] = getattr(asked, name)
    return Options(**chosen, seed=seed, choice=choice)


def seed(asked: Sampling, defaults: Defaults) -> int:
    """The seed of a request: its own, the model's, or one that nobody can know beforehand."""
    chosen = defaults.seed if asked.seed is None else asked.seed
    return secrets.randbits(64) if chosen is None else chosen
