"""Text models: mlx-lm's BatchGenerator, rows joining and leaving between its steps."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from jinja2.exceptions import TemplateError

from mlxq.catalogue import ModelEntry
from mlxq.settings import Settings
from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402
import mlx_lm  # noqa: E402
from mlx_lm.generate import BatchGenerator  # noqa: E402

from tasks import events  # noqa: E402
from tasks.errors import ContextLengthExceeded, EngineError, Failure, InvalidValue  # noqa: E402
from tasks.events import Event, FinishReason  # noqa: E402
from tasks.job import Job  # noqa: E402
from tasks.requests import ChatRequest  # noqa: E402
from workers.engine import Prepared  # noqa: E402
from workers.engines.text.pace import Pace  # noqa: E402
from workers.engines.text.sampler import sampler  # noqa: E402
from workers.engines.text.stopper import Stopper  # noqa: E402
from workers.model_path import resolve  # noqa: E402

SLOTS = 32
PROMPTS = 8  # that prefill at the same time
LARGEST_CHUNK = 2048  # tokens
log = structlog.get_logger()


@dataclass(frozen=True)
class Plan:
    """A checked chat: its prompt's token ids, and how to go on from there."""

    tokens: list[int]
    max_tokens: int
    temperature: float
    top_p: float
    stop: tuple[str, ...]


@dataclass
class Row:
    """A chat in the batch; `detokenizer` turns its tokens into whole characters."""

    name: str
    plan: Plan
    detokenizer: Any
    stopper: Stopper
    prefilled: int = 0
    decoding: bool = False
    generated: int = 0


class Prompts:
    """Chats to token ids, by the model's own template; may be called from any thread."""

    def __init__(self, tokenizer: Any, context: int) -> None:
        self._tokenizer, self.context = tokenizer, context
        self._one_at_a_time = threading.Lock()  # a tokenizer keeps state while it encodes

    def tokens(self, chat: ChatRequest) -> list[int]:
        """The prompt of a chat; raises InvalidValue (the template refuses it) or ContextLengthExceeded."""
        if not self._tokenizer.has_chat_template:
            raise InvalidValue("this model has no chat template, so it cannot chat", param="model")
        turns = [
            {"role": turn.role, "content": turn.content} | ({"name": turn.name} if turn.name else {})
            for turn in chat.messages
        ]
        try:
            with self._one_at_a_time:
                tokens = list(self._tokenizer.apply_chat_template(turns, add_generation_prompt=True))
        except TemplateError as error:
            raise InvalidValue(f"the model's chat template refuses these messages: {error}", param="messages") from None
        if not tokens:
            raise InvalidValue("these messages make an empty prompt", param="messages")
        if len(tokens) >= self.context:
            raise ContextLengthExceeded(
                f"this model's context length is {self.context} tokens; the messages take {len(tokens)} of them and "
                "leave none for an answer",
                param="messages",
            )
        return tokens


@dataclass(frozen=True)
class Defaults:
    """What a request that says nothing gets: the entry's value, else the model's own, else OpenAI's."""

    max_tokens: int | None
    temperature: float
    top_p: float

    @classmethod
    def of(cls, entry: ModelEntry, folder: Path) -> Defaults:
        """Read the model's generation_config.json where it has one."""
        path = folder / "generation_config.json"
        own = json.loads(path.read_text()) if path.is_file() else {}

        def first(*values: float | None) -> float:
            return next(float(value) for value in values if value is not None)

        return cls(
            entry.default_max_tokens,
            first(entry.default_temperature, own.get("temperature"), 1.0),
            first(entry.default_top_p, own.get("top_p"), 1.0),
        )


class TextEngine:
    """A text model with continuous batching."""

    def __init__(self, model: Any, tokenizer: Any, context: int, defaults: Defaults, slots: int, chunk: int) -> None:
        self.slots = slots
        self._model, self._tokenizer, self._defaults = model, tokenizer, defaults
        self._prompts, self._chunk = Prompts(tokenizer, context), chunk
        self._pace = Pace(chunk)
        self._rows: dict[int, Row] = {}
        self._generator = self._new_generator()

    def _new_generator(self) -> Any:
        return BatchGenerator(
            self._model,
            stop_tokens=[[token] for token in self._tokenizer.eos_token_ids],
            completion_batch_size=self.slots,
            prefill_batch_size=min(PROMPTS, self.slots),
        )

    def check(self, job: Job) -> Prepared[Plan]:
        """Tokenise; refuses what the template refuses and what is longer than the context."""
        chat = job.payload
        if not isinstance(chat, ChatRequest):
            raise InvalidValue("this model only chats", param="model")
        tokens, defaults = self._prompts.tokens(chat), self._defaults
        left = self._prompts.context - len(tokens)
        plan = Plan(
            tokens,
            min(left, chat.max_tokens or defaults.max_tokens or left),
            defaults.temperature if chat.temperature is None else chat.temperature,
            defaults.top_p if chat.top_p is None else chat.top_p,
            chat.stop,
        )
        return Prepared(len(tokens), plan)

    def admit(self, row: str, prepared: Prepared[Plan]) -> None:
        plan = prepared.plan
        (uid,) = self._generator.insert(
            [list(plan.tokens)],
            max_tokens=[plan.max_tokens],
            samplers=[sampler(plan.temperature, plan.top_p, secrets.randbits(32))],
        )
        self._rows[uid] = Row(row, plan, self._tokenizer.detokenizer, Stopper(plan.stop))

    def step(self) -> Sequence[tuple[str, Event]]:
        """A token of every decoding row, and a piece of the prompts that wait."""
        prefilling = min(sum(not row.decoding for row in self._rows.values()), PROMPTS)
        self._generator.prefill_step_size = self._pace.chunk(prefilling)
        began = time.monotonic()
        try:
            prompted, generated = self._generator.next()
        except Exception:
            self._rows.clear()
            # Closed first: closing puts Metal's wired limit back to what it was when the generator was made.
            self._generator.close()
            self._generator = self._new_generator()
            raise
        self._measure(time.monotonic() - began, prompted, len(generated))
        produced = [(self._rows[r.uid].name, event) for r in prompted for event in self._progress(r)]
        for response in generated:
            name = self._rows[response.uid].name
            produced += [(name, event) for event in self._heard(response)]
        return produced

    def _measure(self, seconds: float, prompted: Sequence[Any], decoded: int) -> None:
        pieces = []
        for response in prompted:
            row = self._rows[response.uid]
            if response.end_of_prompt:
                row.decoding = True
            else:
                pieces.append(response.progress[0] - row.prefilled)
                row.prefilled = response.progress[0]
        if pieces:
            self._pace.prefilled(seconds, max(pieces) * len(pieces), decoded)
        elif not prompted:
            self._pace.decoded(seconds, decoded)

    def _progress(self, response: Any) -> Iterator[Event]:
        done, total = response.progress
        if not response.end_of_prompt and done < total - 1:  # the last token is decoded, not prefilled
            yield events.Progress(done, total)

    def _heard(self, response: Any) -> Sequence[Event]:
        try:
            return list(self._say(response))
        except Exception as error:  # of this row's text alone: the batch has gone on
            row = self._rows[response.uid]
            log.exception("a row's text failed", job_id=row.name)
            self.drop(row.name)
            message = f"the model's tokens could not be turned into text: {type(error).__name__}: {error}"
            return [events.Failed(Failure(EngineError.code, message))]

    def _say(self, response: Any) -> Iterator[Event]:
        row = self._rows[response.uid]
        row.generated += 1
        ended, reason = response.finish_reason is not None, response.finish_reason
        if reason != "stop":  # then the token is the end-of-sequence one, which is not text
            row.detokenizer.add_token(response.token)
        if ended:
            row.detokenizer.finalize()
        text, stopped = row.stopper.hear(row.detokenizer.last_segment)
        if stopped:
            if not ended:
                self._generator.remove([response.uid])
            yield from self._end(response.uid, text, "stop")
        elif ended:
            yield from self._end(response.uid, text + row.stopper.rest(), reason)
        elif text:
            yield events.Delta(text)

    def _end(self, uid: int, text: str, reason: FinishReason) -> Iterator[Event]:
        row = self._rows.pop(uid)
        yield events.Delta(text, finish_reason=reason)
        # The end-of-sequence token counts: it was generated.
        yield events.Done(events.Usage(prompt_tokens=len(row.plan.tokens), completion_tokens=row.generated))

    def drop(self, row: str) -> None:
        for uid, found in list(self._rows.items()):
            if found.name == row:
                self._generator.remove([uid])
                del self._rows[uid]

    def warm_up(self) -> None:
        """Run every kernel once: where MLX compiles them at run time, the first call of each takes seconds."""
        token = next(iter(self._tokenizer.eos_token_ids), 0)
        for number, (length, temperature, tokens) in enumerate(
            ((9, 0.0, 24), (10, 0.7, 3), (9, 0.0, 6), (250, 0.0, 2))
        ):
            plan = Plan([token] * length, tokens, temperature, 0.9, ())
            self.admit(f"warm-up {number}", Prepared(length, plan))
            for _ in range(3):
                self.step()
        while self._rows:
            self.step()
        self._pace = Pace(self._chunk)  # it measured the compiler


def load(entry: ModelEntry, settings: Settings) -> TextEngine:
    """The text engine of an entry; call it in the thread that will own the model."""
    folder = resolve(entry.model_path, settings.cache)
    model, tokenizer, config = mlx_lm.load(str(folder), return_config=True)
    mx.eval(model.parameters())
    own = config.get("max_position_embeddings") or config.get("text_config", {}).get("max_position_embeddings")
    context = min(length for length in (entry.context_length, own, 1 << 20) if length)
    engine = TextEngine(
        model,
        tokenizer,
        context,
        Defaults.of(entry, folder),
        entry.batch_completion_size or SLOTS,
        entry.batch_prefill_step_size or LARGEST_CHUNK,
    )
    engine.warm_up()
    return engine
