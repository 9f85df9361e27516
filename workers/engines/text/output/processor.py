"""From the tokens that the batch generates to text, thinking, calls, and why an answer ends."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from hashlib import sha256
from typing import Any

from tasks.values.events import FinishReason, TokenLogprob
from workers.engines.text.output.answer import Answer, Emitted
from workers.engines.text.output.detokenizer import Vocabulary, remembering
from workers.engines.text.plan import Plan
from workers.engines.text.schedule.decode import Generated
from workers.engines.text.schedule.rows import Logprob, PromptGroup, Row
from workers.engines.text.task import Task


class OutputProcessor:
    """What one model's tokens come to; `ends` are the tokens that end an answer and are not text."""

    def __init__(self, tokenizer: Any) -> None:
        self.ends = frozenset(tokenizer.eos_token_ids)
        # The check threads' tokenizer keeps state while it encodes; decoding has its own.
        own = deepcopy(getattr(tokenizer, "_tokenizer", tokenizer))
        self._own = own
        self._decode = remembering(own.decode)
        self._vocabulary = Vocabulary(own)

    def answer(self, plan: Plan, prompt: Sequence[int], name: str) -> Answer:
        """An answer that goes on from a prompt; `name` makes the ids of its calls."""
        answer_format = plan.answer_format
        return Answer(
            self._decode,
            self._vocabulary,
            prompt,
            plan.ending,
            answer_format.parser(),
            lambda number: f"call_{sha256(f'{name}:{number}'.encode()).hexdigest()[:24]}",
            thinking=answer_format.begun,
        )

    def raw(self, tokens: Sequence[int]) -> str:
        """Tokens as the model has them, special ones included."""
        return str(self._own.decode(list(tokens)))

    def echo(self, task: Task, row: Row, prompt: PromptGroup) -> Emitted:
        """The prompt's own text, with which a row's answer begins."""
        return task.answers[row].echo(self._decode(prompt.tokens), self._scored(prompt))

    def _scored(self, prompt: PromptGroup) -> list[TokenLogprob]:
        if prompt.scored is None:
            return []
        answer = self.answer(Plan([], [], []), (), "")
        scored: list[TokenLogprob] = []
        for token, logprob in zip(prompt.tokens, [Logprob(None, (), ()), *prompt.scores], strict=True):
            scored += answer.feed(token, logprob).logprobs
        return [*scored, *answer.flush().logprobs]

    def process(self, task: Task, generated: Generated) -> tuple[Emitted, FinishReason | None]:
        """What a row's next token comes to, and why its answer ends with it, if it does.

        Raises the guide's refusal where nothing can go on.
        """
        row, answer = generated.row, task.answers[generated.row]
        task.generated += 1
        if row.guide is not None and row.guide.broken:
            raise row.guide.refusal
        reason: FinishReason | None = None
        emitted = Emitted()
        stopped = generated.token in row.options.stop_token_ids
        if generated.token in self.ends or (stopped and not task.plan.ending.include_stop):
            reason = "stop"  # and no text
        else:
            emitted = answer.feed(generated.token, generated.logprob)
            reason = "stop" if stopped or emitted.stop or task.called(row) else None
            if reason is None and generated.number >= row.limit:
                reason = "length"
        if reason is None:
            task.think(row)
            return emitted, None
        emitted = emitted if emitted.stop else emitted + answer.flush()
        reason = "stop" if emitted.stop else reason
        return emitted, "tool_calls" if reason == "stop" and answer.calls else reason
