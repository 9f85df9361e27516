"""A checked text request: its prompts as token ids, and how many answers go on from each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tasks.errors import InvalidValue
from tasks.requests import ChatRequest, CompletionRequest, Sampling
from workers.engines.text.options import Defaults, Options, options, seed
from workers.engines.text.prompts import Prompts


@dataclass(frozen=True)
class Plan:
    """What is to be generated: `limits` are tokens of each prompt's answers, `options` are each answer's."""

    prompts: list[list[int]]
    limits: list[int]
    options: list[Options]
    stop: tuple[str, ...]
    echo: bool = False

    @property
    def tokens(self) -> int:
        """Of all prompts."""
        return sum(map(len, self.prompts))

    @property
    def answers(self) -> int:
        """How many sequences there will be."""
        return len(self.prompts) * len(self.options)

    @property
    def scored(self) -> int | None:
        """How many alternatives to the prompt's own tokens are asked for; None for no log probabilities of it."""
        return self.options[0].logprobs if self.echo else None

    def indices(self, prompt: int) -> Iterator[tuple[int, Options]]:
        """A prompt's answers: their index among all, and their options."""
        for choice, chosen in enumerate(self.options):
            yield prompt * len(self.options) + choice, chosen


def plan(request: Sampling, prompts: Prompts, defaults: Defaults) -> Plan:
    """Tokenise and check; raises InvalidValue or ContextLengthExceeded."""
    tokens, echo, implied = [], False, defaults.max_tokens
    if isinstance(request, ChatRequest):
        tokens = [prompts.chat(request)]
    elif isinstance(request, CompletionRequest):
        tokens, echo = prompts.completion(request), request.echo
    for token, _ in request.logit_bias:
        if token >= prompts.vocabulary:
            message = f"token {token} does not exist; this model's ids end at {prompts.vocabulary - 1}"
            raise InvalidValue(message, param=f"logit_bias.{token}")
    asked = implied if request.max_tokens is None else request.max_tokens
    left = [prompts.context - len(prompt) for prompt in tokens]
    drawn = seed(request, defaults)
    return Plan(
        tokens,
        [most if asked is None else min(most, asked) for most in left],
        [options(request, defaults, drawn, choice) for choice in range(request.n)],
        request.stop,
        echo,
    )
