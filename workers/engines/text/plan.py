"""A checked text request: its prompts as token ids, and how many answers go on from each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tasks.values.errors import InvalidValue
from tasks.values.requests import AudioOutput, ChatRequest, CompletionRequest, Sampling
from workers.engines.text.output import answer_format
from workers.engines.text.output.answer import Ending
from workers.engines.text.output.answer_format import AnswerFormat, Formats
from workers.engines.text.prompts import Prompts
from workers.engines.text.requester import ANYBODY, Requester
from workers.engines.text.sampling.grammar import Grammars
from workers.engines.text.sampling.guide import Guide
from workers.engines.text.sampling.options import Defaults, Options, options, seed
from workers.engines.text.schedule.rows import PromptMedia
from workers.parsers.registry import ReasoningFormat
from workers.serving.request_budget import Budget, Hold

WAITING_BYTES = 512 << 20  # of prompts that are checked and not yet admitted
_TOKEN_BYTES = 40  # of a token's id in a list of them


@dataclass(frozen=True)
class Plan:
    """What is to be generated: `limits` are tokens of each prompt's answers, `options` are each answer's.

    `guide` is where every answer begins in its grammar; `media` belongs to the prompt, which is the only one then.
    Nobody waits for the answers of a `bulk` one. `owner` is whose caches it may use, `hold` the memory that it takes
    while it waits. `counted` says that deltas tell how many tokens they are made of. With `audio` the
    answer is spoken, too.
    """

    prompts: list[list[int]]
    limits: list[int]
    options: list[Options]
    ending: Ending = field(default_factory=Ending)
    echo: bool = False
    answer_format: AnswerFormat = field(default_factory=AnswerFormat)
    guide: Guide | None = None
    bulk: bool = False
    media: PromptMedia | None = None
    owner: str = ""
    hold: Hold | None = None
    counted: bool = False
    adapter: str = ""
    audio: AudioOutput | None = None

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


@dataclass(frozen=True)
class Planner:
    """Makes plans of one model's requests; any thread may ask."""

    prompts: Prompts
    defaults: Defaults
    formats: Formats
    grammars: Grammars
    budget: Budget = field(default_factory=lambda: Budget(WAITING_BYTES))
    adapters: frozenset[str] = frozenset()  # that a request may choose

    def plan(self, request: Sampling, requester: Requester = ANYBODY) -> Plan:
        """Tokenise and check; raises InvalidValue or ContextLengthExceeded."""
        if request.adapter and request.adapter not in self.adapters:
            raise InvalidValue(f"this model has no adapter '{request.adapter}'", param="adapter")
        tokens, echo, form, media = [], False, AnswerFormat(), None
        if isinstance(request, ChatRequest):
            prompt = self.prompts.chat(request, requester)
            tokens, form, media = [prompt.tokens], self._answer_format(request, prompt.text), prompt.media
        elif isinstance(request, CompletionRequest):
            tokens, echo = self.prompts.completion(request, requester), request.echo
        self._check_tokens(request)
        guide = answer_format.guide(request, self.formats, self.grammars, form, requester)
        asked = self.defaults.max_tokens if request.max_tokens is None else request.max_tokens
        left = [self.prompts.context - len(prompt) for prompt in tokens]
        drawn = seed(request, self.defaults)
        return Plan(
            tokens,
            [most if asked is None else min(most, asked) for most in left],
            [options(request, self.defaults, drawn, choice) for choice in range(request.n)],
            Ending(request.stop, request.min_tokens, request.include_stop_str_in_output, request.skip_special_tokens),
            echo,
            form,
            guide,
            media=media,
            owner=requester.owner,
            hold=self.budget.hold(_TOKEN_BYTES * sum(map(len, tokens)), requester.deadline),
            counted=request.count_tokens,
            adapter=request.adapter,
            audio=request.audio if isinstance(request, ChatRequest) else None,
        )

    def _check_tokens(self, request: Sampling) -> None:
        for token, _ in request.logit_bias:
            if token >= self.prompts.vocabulary:
                message = f"token {token} does not exist; this model's ids end at {self.prompts.vocabulary - 1}"
                raise InvalidValue(message, param=f"logit_bias.{token}")

        self.prompts.checked(request.stop_token_ids, "stop_token_ids")

    def _answer_format(self, request: ChatRequest, prompt: str) -> AnswerFormat:
        thinks, calls = self.formats.reasoning, bool(request.tools) and request.tool_choice.mode != "none"
        if calls and self.formats.tools is None:
            raise InvalidValue("tools are turned off for this model (its tool_call_parser is none)", param="tools")
        only = answer_format.bound_tool(request)
        if only is not None:
            calls = False  # the answer is no call that the model writes
        return AnswerFormat(
            thinks,
            self.formats.tools if calls else None,
            {tool.name: answer_format.enforced(tool) for tool in request.tools},
            begun=thinks is not None and thinks.begun(prompt),
            budget=request.thinking_budget if thinks else None,
            close=self._close(thinks, calls) if thinks and request.thinking_budget is not None else (),
            parallel=request.tool_choice.parallel,
            only=only,
        )

    def _close(self, thinks: ReasoningFormat, calls: bool) -> tuple[int, ...]:
        """What ends the thinking: the answer comes next, unless it may be a call."""
        return tuple(self.prompts.encode(thinks.CLOSE + ("" if calls else thinks.ANSWER), special=False))
