"""An engine without a model, for measuring and breaking the queue: never for claiming a feature.

It answers chats and completions with `max_tokens` numbered words, one an answer and step of `step_ms` milliseconds, and
embeddings and scores with what follows from their texts' lengths; its tokens are a text's bytes, and every word's
probability is the same. A chat thinks for all of its `thinking_budget` first, and says nothing when it has to call a
tool, which it calls without arguments. Where `journal` names a file, it writes down which job it began in which process
(a line `JOB PID`), for who wants to know whether something ran twice. The last message, or the first prompt, may ask
for trouble: `die` kills the process at its first step, `fail` ends the row in an error, `break` raises inside a step,
`refuse` is refused when checked, `swell` takes `row_bytes` of memory while it runs. Words out of `clock` say when they
were made, as `clock1@TIME` with the system's monotonic clock in seconds.
"""

from __future__ import annotations

import base64
import os
import signal
import struct
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from mlxq.entries.fake import FakeEntry, FakeOptions
from mlxq.settings import Settings
from tasks.values import events
from tasks.values.errors import EngineError, Failure, InvalidValue, UnsupportedParameter
from tasks.values.events import CallDelta, Event, TokenLogprob
from tasks.values.job import Job
from tasks.values.requests import (
    ChatRequest,
    CompletionRequest,
    DetokenizeRequest,
    EmbeddingRequest,
    Payload,
    RenderRequest,
    Sampling,
    ScoreRequest,
    TokenizeRequest,
)
from workers.engine import Engine, Prepared
from workers.serving.check_deadline import ENDLESS, CheckDeadline


@dataclass
class _Row:
    job: Job
    prompts: list[str]
    emitted: int = 0
    told: Counter[int] = field(default_factory=Counter)  # characters of each answer

    @property
    def words(self) -> list[str]:
        """The first word of each prompt, which is said again and again."""
        return [prompt.split(" ")[0] or "word" for prompt in self.prompts]


class FakeEngine(Engine[_Row]):
    """Words and vectors out of nothing, at a set pace."""

    def __init__(self, options: FakeOptions, slots: int) -> None:
        self.slots, self._options = slots, options
        self._journal = Path(options.journal) if options.journal else None
        self._rows: dict[str, _Row] = {}
        self._paused: dict[str, _Row] = {}
        self._overslept = 0.0  # seconds that the last step took longer than it was to

    def prepare(self, job: Job, deadline: CheckDeadline = ENDLESS) -> Prepared[_Row]:
        """Refuses the prompt `refuse`."""
        del deadline  # nothing here takes long
        prompts = ["vector"]
        if isinstance(job.payload, ChatRequest):
            if job.payload.audio is not None:
                raise UnsupportedParameter("this model answers with text only", param="modalities")
            prompts = [job.payload.messages[-1].content]
        elif isinstance(job.payload, CompletionRequest):
            prompts = [prompt if isinstance(prompt, str) else _text(prompt) for prompt in job.payload.prompts]
        row = _Row(job, prompts)
        if row.words[0] == "refuse":
            raise InvalidValue("the prompt asks to be refused", param="messages")
        return Prepared(prompt_tokens=sum(map(len, row.words)), plan=row)

    def admit(self, row: str, prepared: Prepared[_Row]) -> None:
        if self._journal is not None:
            with self._journal.open("a") as file:
                file.write(f"{prepared.plan.job.id} {os.getpid()}\n")
        self._rows[row] = prepared.plan

    def step(self) -> Sequence[tuple[str, Event]]:
        """One word a row."""
        words = {row.words[0] for row in self._rows.values()}
        if "die" in words:
            os.kill(os.getpid(), signal.SIGKILL)
        if "break" in words:
            raise RuntimeError("asked to break")
        self._compute()
        produced: list[tuple[str, Event]] = []
        for name, row in list(self._rows.items()):
            produced += [(name, event) for event in self._advance(row)]
            if isinstance(produced[-1][1], events.TERMINAL):
                del self._rows[name]
        return produced

    def _compute(self) -> None:
        """Sleep for a step; a system sleeps longer than it is asked to, which the next step makes up for."""
        step, began = self._options.step_ms / 1000, time.perf_counter()
        wanted = max(0.0, step - self._overslept)
        time.sleep(wanted)
        self._overslept = min(time.perf_counter() - began - wanted, step / 2)

    def _advance(self, row: _Row) -> list[Event]:
        payload = row.job.payload
        if row.words[0] == "fail":
            return [events.Failed(Failure(EngineError.code, "the prompt asks to fail"))]
        if isinstance(payload, Sampling):
            return self._say(row, payload)
        if isinstance(payload, EmbeddingRequest):
            vectors = [base64.b64encode(struct.pack("<2f", len(text), 1.0)).decode() for text in payload.inputs]
            vector_events: list[Event] = [events.Vector(index, data) for index, data in enumerate(vectors)]
            return [*vector_events, events.Done(events.Usage(prompt_tokens=sum(map(len, payload.inputs))))]
        if isinstance(payload, ScoreRequest):
            scores: list[Event] = [
                events.Score(index, 1 / (1 + len(document))) for index, document in enumerate(payload.documents)
            ]
            texts = (*payload.queries, *payload.documents)
            return [*scores, events.Done(events.Usage(prompt_tokens=sum(map(len, texts))))]
        return [_tokens(payload), events.Done()]

    def _say(self, row: _Row, payload: Sampling) -> list[Event]:
        calls, thought = _beside(payload) if row.emitted == 0 else ((), "")
        most = 0 if calls else 16 if payload.max_tokens is None else payload.max_tokens
        echo = isinstance(payload, CompletionRequest) and payload.echo and row.emitted == 0
        row.emitted = min(row.emitted + 1, most)
        self.generated += len(row.prompts) * payload.n if most else 0
        end: events.FinishReason = "tool_calls" if calls else "length"
        reason = end if row.emitted == most else None
        produced: list[Event] = []
        for index in range(len(row.prompts) * payload.n):
            prompt, word = row.prompts[index // payload.n], row.words[index // payload.n]
            stamp = f"@{time.monotonic():.4f}" if word == "clock" else ""
            pieces = [prompt if echo else "", f"{word}{row.emitted}{stamp} " if most else ""]
            logprobs = () if payload.logprobs is None else _logprobs(pieces, row.told[index], payload.logprobs)
            tokens = int(payload.count_tokens)
            produced.append(events.Delta("".join(pieces), index, reason, logprobs, thought, calls, tokens))
            row.told[index] += sum(map(len, pieces))
        thinking = len(produced) * (payload.thinking_budget or 0 if isinstance(payload, ChatRequest) else 0)
        count = row.emitted * len(produced) + thinking
        usage = events.Usage(sum(map(len, row.words)), count, reasoning_tokens=thinking)
        return [*produced, events.Done(usage)] if reason else produced

    def device_memory(self) -> int:
        swollen = sum(row.words[0] == "swell" for row in list(self._rows.values()))
        return self._options.bytes + swollen * self._options.row_bytes

    def pause(self, row: str) -> bool:
        self._paused[row] = self._rows.pop(row)
        return True

    def resume(self, row: str) -> None:
        self._rows[row] = self._paused.pop(row)

    def drop(self, row: str) -> None:
        self._rows.pop(row, None)
        self._paused.pop(row, None)


def _beside(payload: Sampling) -> tuple[tuple[CallDelta, ...], str]:
    """What an answer holds beside its words: calls and thinking."""
    if not isinstance(payload, ChatRequest):
        return (), ""
    thought = "hm " * (payload.thinking_budget or 0)
    if payload.tool_choice.mode != "required":
        return (), thought
    name = payload.tool_choice.name or payload.tools[0].name
    return (CallDelta(0, "call_0", name), CallDelta(0, arguments="{}")), thought


def _logprobs(pieces: list[str], offset: int, alternatives: int) -> tuple[TokenLogprob, ...]:
    """An echoed prompt and a word as tokens, each its own only alternative; the prompt has no probability."""
    logprobs = []
    for text, logprob in zip(pieces, (None, -1.0), strict=True):
        token = TokenLogprob(text, base64.b64encode(text.encode()).decode(), logprob, offset)
        logprobs.append(msgspec.structs.replace(token, top=(token,)[:alternatives]))
        offset += len(text)
    return tuple(token for token in logprobs if token.token)


def _tokens(payload: Payload) -> events.Tokens:
    if isinstance(payload, DetokenizeRequest):
        return events.Tokens(_text(payload.tokens), payload.tokens)
    text = payload.text if isinstance(payload, TokenizeRequest) else ""
    if isinstance(payload, RenderRequest):
        tools = [f"tool: {tool.name}\n" for tool in payload.tools]
        text = "".join([*tools, *(f"{turn.role}: {turn.content}\n" for turn in payload.messages)])
    return events.Tokens(text, tuple(text.encode()))


def _text(tokens: tuple[int, ...]) -> str:
    return bytes(token % 256 for token in tokens).decode(errors="replace")


def load(entry: FakeEntry, settings: Settings) -> FakeEngine:
    """The fake engine as the options of its entry want it."""
    del settings
    if entry.options.load_error:
        raise RuntimeError(entry.options.load_error)
    time.sleep(entry.options.load_ms / 1000)
    return FakeEngine(entry.options, entry.batch_completion_size)
