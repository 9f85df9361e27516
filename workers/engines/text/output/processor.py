"""From the tokens that the batch generates to what is said of them: text, thinking, calls, and why an answer ends."""

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
    """What one model's tokens say; `ends` are the tokens that end an answer and are no text."""

    def __init__(self, tokenizer: Any) -> None:
        self.ends = frozenset(tokenizer.eos_token_ids)
        # The check threads' tokenizer keeps state while it encodes; decoding has its own.
        own = deepcopy(getattr(tokenizer, "_tokenizer", tokenizer))
        self._decode = remembering(own.decode)
        self._vocabulary = Vocabulary(own)

    def answer(self, plan: Plan, prompt: Sequence[int], name: str) -> Answer:
        """An answer that goes on from a prompt; `name` makes the ids of its calls."""
        how = plan.reading
        return Answer(
            self._decode,
            self._vocabulary,
            prompt,
            plan.ending,
            how.parser(),
            lambda number: f"call_{sha256(f'{name}:{number}'.encode()).hexdigest()[:24]}",
            thinking=how.begun,
        )

    def echo(self, task: Task, row: Row, source: PromptGroup) -> Emitted:
        """The prompt's own text, with which a row's answer begins."""
        return task.answers[row].echo(self._decode(source.tokens), self._scored(source))

    def _scored(self, source: PromptGroup) -> list[TokenLogprob]:
        if source.scored is None:
            return []
        answer = self.answer(Plan([], [], []), (), "")
        scored: list[TokenLogprob] = []
        for token, logprob in zip(source.tokens, [Logprob(None, (), ()), *source.scores], strict=True):
            scored += answer.hear(token, logprob).logprobs
        return [*scored, *answer.rest().logprobs]

    def process(self, task: Task, generated: Generated) -> tuple[Emitted, FinishReason | None]:
        """What a row's next token says, and why its answer ends with it, if it does.

        Raises the guide's refusal where nothing can go on.
        """
        row, answer = generated.row, task.answers[generated.row]
        task.generated += 1
        if row.guide is not None and row.guide.broken:
            raise row.guide.refusal
        reason: FinishReason | None = None
        emitted = Emitted()
        stopped = generated.token in row.options.stop_token_ids
        if generated.token in self.ends or (stopped and not task.plan.ending.shown):
            reason = "stop"  # and no text
        else:
            emitted = answer.hear(generated.token, generated.logprob)
            reason = "stop" if stopped or emitted.stopped or task.called(row) else None
            if reason is None and generated.said >= row.limit:
                reason = "length"
        if reason is None:
            task.think(row)
            return emitted, None
        emitted = emitted if emitted.stopped else emitted + answer.rest()
        reason = "stop" if emitted.stopped else reason
        return emitted, "tool_calls" if reason == "stop" and answer.calls else reason
