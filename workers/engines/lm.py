"""Text models: chats and completions, rows joining and leaving one running batch between its steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import structlog

from mlxq.entries.lm import LmEntry
from mlxq.settings import Settings
from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402 - after OpenBLAS

from tasks.values import events  # noqa: E402
from tasks.values.errors import EngineError, Failure, InvalidValue, JobError, UnsupportedParameter  # noqa: E402
from tasks.values.events import Event, FinishReason  # noqa: E402
from tasks.values.job import Job, Lane  # noqa: E402
from tasks.values.model import Details  # noqa: E402
from tasks.values.requests import (  # noqa: E402
    AudioOutput,
    ChatRequest,
    DetokenizeRequest,
    RenderRequest,
    Sampling,
    TokenizeRequest,
)
from workers.engine import Engine, Prepared  # noqa: E402
from workers.engines.text import loading, tokenizer_requests  # noqa: E402
from workers.engines.text.output.answer import Emitted  # noqa: E402
from workers.engines.text.output.processor import OutputProcessor  # noqa: E402
from workers.engines.text.plan import Plan, Planner  # noqa: E402
from workers.engines.text.prompts import Prompts  # noqa: E402
from workers.engines.text.requester import Requester  # noqa: E402
from workers.engines.text.schedule.batch import Batch  # noqa: E402
from workers.engines.text.schedule.decode import Generated  # noqa: E402
from workers.engines.text.schedule.outcome import MediaFailed, Prefilled, Ready  # noqa: E402
from workers.engines.text.schedule.rows import PromptGroup, Row  # noqa: E402
from workers.engines.text.task import Task  # noqa: E402
from workers.serving.check_deadline import ENDLESS, CheckDeadline  # noqa: E402

log = structlog.get_logger()


class TextEngine(Engine[Plan]):
    """A text model with continuous batching; `new_batch` makes an empty batch of it.

    What one owner's requests leave in its caches serves that owner's only, unless the caches are `shared`. With `debug`
    every prompt and answer is logged as the model has it.
    """

    def __init__(
        self,
        new_batch: Callable[[], Batch],
        tokenizer: Any,
        prompts: Prompts,
        planner: Planner,
        slots: int,
        *,
        shared: bool = False,
        debug: bool = False,
    ) -> None:
        self.slots, self._planner, self._prompts, self._shared = slots, planner, prompts, shared
        self._debug = debug
        self._new_batch, self._batch = new_batch, new_batch()
        self._output = OutputProcessor(tokenizer)
        self._tasks: dict[str, Task] = {}
        self._over: list[Row] = []  # rows that have ended in the step that is under way

    @property
    def details(self) -> Details:
        """The context length in tokens, what a request that says nothing gets, and what a conversation may hold."""
        prompts, defaults = self._prompts, asdict(self._planner.defaults)
        return Details(context_length=prompts.context, defaults=defaults, modalities=prompts.modalities)

    def prepare(self, job: Job, deadline: CheckDeadline = ENDLESS) -> Prepared[Plan]:
        """Tokenise; refuses what the template refuses and what is longer than the context."""
        request = job.payload
        owner = "" if self._shared else job.owner
        requester = Requester(owner, deadline)
        if isinstance(request, Sampling):
            if isinstance(request, ChatRequest) and request.audio is not None:
                self._check_audio(request.audio)
            if request.adapter:  # what it computes of a prompt serves nobody else
                requester = Requester(f"{owner} with {request.adapter}", deadline)
            plan = replace(self._planner.plan(request, requester), bulk=job.lane is not Lane.INTERACTIVE)
            return Prepared(plan.tokens, plan)
        if isinstance(request, (TokenizeRequest, DetokenizeRequest, RenderRequest)):
            return tokenizer_requests.answered(request, self._prompts, requester)
        raise InvalidValue("this model only writes text", param="model")

    def _check_audio(self, audio: AudioOutput) -> None:
        """Refuse to speak an answer, unless the model can and has the voice."""
        message = "this model answers with text only; leave 'audio' out of 'modalities'"
        raise UnsupportedParameter(message, param="modalities")

    def has_room(self, prepared: Sequence[Prepared[Plan]]) -> bool:
        """Whether there are slots and memory for the last of these requests."""
        if len(prepared) == 1 and not self._batch.rows:
            return True
        return self._batch.has_room(
            [
                (len(one.plan.options), len(prompt), limit)
                for one in prepared
                for prompt, limit in zip(one.plan.prompts, one.plan.limits, strict=True)
            ]
        )

    def admit(self, row: str, prepared: Prepared[Plan]) -> None:
        plan = prepared.plan
        if plan.hold is not None:
            plan.hold.free()
        task = self._tasks[row] = Task(plan, [])
        for number, (prompt, limit) in enumerate(zip(plan.prompts, plan.limits, strict=True)):
            rows = []
            for index, chosen in plan.indices(number):
                one = Row(row, index, chosen, limit, len(prompt), list(prompt), bulk=plan.bulk)
                one.guide, one.media, one.owner = plan.guide.copy() if plan.guide else None, plan.media, plan.owner
                one.adapter, one.together = plan.adapter, plan.answer_format.together(0)
                task.answers[one] = self._output.answer(plan, prompt, f"{row}:{index}")
                rows.append(one)
            task.prompts.append(PromptGroup(prompt, rows, plan.scored, plan.media, plan.owner, plan.adapter))
        for prompt_group in list(task.prompts):
            self._batch.add(prompt_group)
            self._log("prompt", row, prompt_group.tokens)

    def step(self) -> Sequence[tuple[str, Event]]:
        """A token of every row, and a piece of the prompts that wait."""
        try:
            outcomes = self._batch.step()
        except Exception:
            self._tasks.clear()
            self._batch = self._new_batch()
            raise
        produced: list[tuple[str, Event]] = []
        for outcome in outcomes:
            if isinstance(outcome, Prefilled):
                produced += self._progress(outcome.prompt)
            elif isinstance(outcome, Ready):
                produced += self._begin(outcome.prompt)
            elif isinstance(outcome, MediaFailed):
                produced += self._media_failed(outcome)
            else:
                produced += [(outcome.row.job, event) for event in self._continued(outcome)]
        if self._over:
            # All at once: whoever stays is copied each time that somebody leaves.
            over, self._over = self._over, []
            self._batch.end(over)
        return produced

    def _media_failed(self, failed: MediaFailed) -> Iterator[tuple[str, Event]]:
        job, error = failed.prompt.rows[0].job, failed.error
        log.error("what a prompt shows could not be looked at", job_id=job, exc_info=error)
        self.drop(job)
        message = f"what the messages show could not be looked at: {type(error).__name__}: {error}"
        yield job, events.Failed(Failure(EngineError.code, message))

    def _progress(self, prompt: PromptGroup) -> Iterator[tuple[str, Event]]:
        job = prompt.rows[0].job
        task = self._tasks[job]
        done, total = sum(one.done for one in task.prompts), task.plan.tokens
        if prompt in task.prompts and done < total - len(task.prompts):  # the last tokens are decoded, not prefilled
            yield job, events.Progress(done, total)

    def _begin(self, prompt: PromptGroup) -> Iterator[tuple[str, Event]]:
        """What there is to say when a prompt is in the cache: its echo, and the end of an empty answer."""
        task = self._tasks[prompt.rows[0].job]
        for row in [row for row in prompt.rows if row not in task.begun]:
            task.begun.add(row)
            if task.plan.echo:
                emitted = self._output.echo(task, row, prompt)
                yield row.job, events.Delta(emitted.text, row.index, None, emitted.logprobs)
            if row.limit == 0:
                self._over.append(row)
                yield from ((row.job, event) for event in self._end(row, 0, Emitted(), "length"))

    def _continued(self, generated: Generated) -> list[Event]:
        """The events of a row that has generated a token; what goes wrong with its text ends its job alone."""
        task = self._tasks.get(generated.row.job)
        if task is None or generated.row not in task.answers:
            return []
        self.generated += 1
        try:
            return list(self._emit(task, generated))
        except JobError as error:
            self.drop(generated.row.job)
            return [events.Failed(error.failure)]
        except Exception as error:  # of this row's text alone: the batch has gone on
            log.exception("a row's text failed", job_id=generated.row.job)
            self.drop(generated.row.job)
            message = f"the model's tokens could not be turned into text: {type(error).__name__}: {error}"
            return [events.Failed(Failure(EngineError.code, message))]

    def _emit(self, task: Task, generated: Generated) -> Iterator[Event]:
        row = generated.row
        emitted, reason = self._output.process(task, generated)
        if reason is not None:
            self._over.append(row)
            yield from self._end(row, generated.number, emitted, reason)
        elif emitted:
            yield _delta(row, emitted, tokens=task.fresh(row, generated.number))

    def _end(self, row: Row, number: int, emitted: Emitted, reason: FinishReason) -> Iterator[Event]:
        """The last events of an answer of `number` tokens; more may have come in the same step."""
        task = self._tasks[row.job]
        del task.answers[row]
        self._log("answer", row.job, row.tokens[row.prompt_length :][:number], index=row.index, reason=reason)
        if row.index % len(task.plan.options) == 0:
            task.cached += row.cached
        yield _delta(row, emitted, reason, task.fresh(row, number))
        if not task.answers:
            del self._tasks[row.job]
            # The end-of-sequence token counts: it was generated.
            yield events.Done(task.usage)

    def _log(self, what: str, job: str, tokens: Sequence[int], **more: object) -> None:
        if self._debug:
            log.debug(what, job_id=job, tokens=len(tokens), text=self._output.raw(tokens), **more)

    def pause(self, row: str) -> bool:
        task = self._tasks[row]
        task.paused = self._batch.pause(list(task.answers))
        return True

    def resume(self, row: str) -> None:
        task = self._tasks[row]
        for prompt in task.paused:
            self._batch.add(prompt)
        task.paused = []

    def device_memory(self) -> int:
        return mx.get_active_memory()

    def relieve(self) -> None:
        self._batch.relieve()

    def drop(self, row: str) -> None:
        if task := self._tasks.pop(row, None):
            self._batch.end(list(task.answers))

    def warm_up(self) -> None:
        """Answer a first request: that shows that the model runs, and most need no further kernels."""
        self._rehearse(0)

    def warming(self) -> Iterator[None]:
        self._planner.grammars.warm_up()
        yield
        for number in range(1, len(_WARM_UP)):
            self._rehearse(number)
            yield

    def _rehearse(self, number: int) -> None:
        """Answer a request of ours: where MLX compiles kernels at run time, the first call of each takes seconds."""
        own, self._batch = self._batch, self._new_batch()  # what the one measures is the compiler
        generated = self.generated
        try:
            prompt = [next(iter(self._output.ends), 0)] * (9 + number)
            plan = self._planner.plan(_WARM_UP[number])
            self.admit(f"warm-up {number}", Prepared(1, Plan([prompt], [2], plan.options)))
            while self._tasks:
                self.step()
        finally:
            self._batch, self.generated = own, generated


_WARM_UP = (
    Sampling(temperature=0.0),
    Sampling(temperature=1.0),
    Sampling(temperature=1.0, top_k=20, logprobs=1),
    Sampling(temperature=1.0, top_p=0.9, presence_penalty=1.0),
)


def _delta(row: Row, emitted: Emitted, reason: FinishReason | None = None, tokens: int = 0) -> events.Delta:
    text, thinking, calls = emitted.text, emitted.reasoning, emitted.calls
    return events.Delta(text, row.index, reason, emitted.logprobs, thinking, calls, tokens, emitted.stop)


def load(entry: LmEntry, settings: Settings) -> TextEngine:
    """The text engine of an entry; call it in the thread that will own the model."""
    return served(loading.load(entry, settings))


def served(model: loading.Loaded, kind: Callable[..., TextEngine] = TextEngine) -> TextEngine:
    """An engine, perhaps of another `kind`, of a loaded model, as warm as it must be to answer."""
    engine = kind(
        model.new_batch,
        model.tokenizer,
        model.prompts,
        model.planner,
        model.slots,
        shared=model.shared,
        debug=model.debug,
    )
    engine.warm_up()
    return engine
