"""`python -m bench.text [sampling] [prefill] [cache]`: the text engine on SmolLM2, three tables from one run.

How much of a step is not the model's forward pass; how long a running stream stands still while a 4,000-token prompt is
prefilled, with ours and with mlx-lm's own batch; and what the prompt cache saves, also after a restart.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from openai import OpenAI
from rich.console import Console
from rich.table import Table

from mlxq.entries.lm import LmEntry
from mlxq.settings import Settings
from tests.support import starter
from tests.support.servers import Stack, Valkey
from workers import attention, blas

blas.preload()

import mlx.core as mx  # noqa: E402
from mlx_lm.generate import BatchGenerator  # noqa: E402

from tasks.values.messages import Message  # noqa: E402
from tasks.values.requests import ChatRequest, CompletionRequest  # noqa: E402
from tests.workers.engines.rows import Batch, job  # noqa: E402
from workers.engines import lm  # noqa: E402
from workers.engines.lm import TextEngine  # noqa: E402

MODEL = "smollm2-135m-instruct"
ROWS = (1, 8, 16, 32)
STEPS = 16
LONG = 4000  # tokens
CHATS = 20
SUBJECTS = ("a fox", "the sea", "an old clock", "two sisters", "a storm", "the last train", "a garden", "a liar")
WAYS = {
    "greedy": {"temperature": 0.0},
    "seeded, temperature": {"temperature": 0.8, "seed": 1},
    "seeded, top_p 0.9": {"temperature": 0.8, "top_p": 0.9, "seed": 1},
    "and both penalties": {
        "temperature": 0.8,
        "top_p": 0.9,
        "seed": 1,
        "presence_penalty": 1.0,
        "frequency_penalty": 0.5,
    },
}


def engine(**keys: Any) -> TextEngine:
    """The text engine in this process, whose answers end at their limits only."""
    found = lm.load(LmEntry(model_path=str(starter.folder(MODEL)), **keys), Settings())
    found._output.ends = frozenset()
    return found


def words(number: int, first: int) -> tuple[int, ...]:
    """So many token ids."""
    return tuple(1000 + (first + 7 * at) % 40_000 for at in range(number))


def outside(text: TextEngine, rows: int, options: dict[str, Any]) -> tuple[float, float]:
    """Milliseconds of the forward pass and of a whole step, medians of steps that take turns."""
    batch = Batch(text)
    for number in range(rows):
        question = Message("user", f"Write a long story about {SUBJECTS[number % len(SUBJECTS)]}, chapter {number}.")
        batch.admit(str(number), job(ChatRequest((question,), max_tokens=200, **options)))
    while len(text._batch._groups.all) != 1 or len(text._batch._groups.all[0].rows) < rows:
        batch.step()
    (group,) = text._batch._groups.all
    forward, whole = list[float](), list[float]()
    for _ in range(STEPS):
        began = time.perf_counter()
        batch.step()
        mx.eval(group.logits)
        whole.append(time.perf_counter() - began)
        inputs = mx.array([[row.tokens[-1]] for row in group.rows])
        began = time.perf_counter()
        mx.eval(text._batch._groups._model(inputs, cache=group.caches)[:, -1])
        forward.append(time.perf_counter() - began)
        for layer in group.caches:
            layer.trim(1)
    for name in list(batch.heard):
        batch.drop(name)
    return 1000 * statistics.median(forward), 1000 * statistics.median(whole)


def sampling() -> Table:
    """How much of a step is not the forward pass."""
    table = Table("rows", "settings", "forward pass", "whole step", "outside the forward pass")
    text = engine(prompt_cache_max_bytes=0)
    for rows in ROWS:
        for name, options in WAYS.items():
            forward, whole = outside(text, rows, options)
            table.add_row(
                str(rows), name, f"{forward:.0f} ms", f"{whole:.0f} ms", f"{max(0, whole - forward) / whole:.0%}"
            )
    return table


def gaps(step: Callable[[], tuple[bool, bool]]) -> tuple[float, float]:
    """Seconds of the longest gap between two tokens of a running row, and until a long prompt's first token.

    `step` says whether the running row spoke, and whether the long prompt's answer began.
    """
    began = last = time.perf_counter()
    longest, started = 0.0, False
    while not started:
        spoke, started = step()
        if spoke:
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
    return max(longest, time.perf_counter() - last), time.perf_counter() - began


def ours() -> tuple[float, float]:
    """Our batch, as it is after it has measured the machine."""
    attention.install()  # as in a model's process; here last of all, as the others have MLX's own
    text = engine(prompt_cache_max_bytes=0)
    batch = Batch(text)
    batch.admit("warm", job(CompletionRequest((words(600, 5),), max_tokens=1)))
    batch.run()
    batch.admit("running", job(CompletionRequest((words(20, 1),), temperature=0.0, max_tokens=2000)))
    while len(batch.heard["running"]) < 5:
        batch.step()
    batch.admit("long", job(CompletionRequest((words(LONG, 3),), temperature=0.0, max_tokens=1)))

    def step() -> tuple[bool, bool]:
        before = len(batch.heard["running"])
        batch.step()
        return len(batch.heard["running"]) > before, batch.ended("long")

    return gaps(step)


def theirs(size: int) -> tuple[float, float]:
    """mlx-lm's batch with so many tokens a prefill step."""
    model = engine()._batch._groups._model
    generator = BatchGenerator(model, max_tokens=2000, prefill_step_size=size)
    (running,) = generator.insert([list(words(20, 1))])
    for _ in range(8):
        generator.next()
    (long,) = generator.insert([list(words(LONG, 3))])

    def step() -> tuple[bool, bool]:
        _, said = generator.next()
        heard = {one.uid for one in said}
        return running in heard, long in heard

    try:
        return gaps(step)
    finally:
        generator.close()


def prefill() -> Table:
    """How long a running stream stands still while a long prompt joins."""
    table = Table("batch", f"longest gap of a running stream, {LONG} tokens joining", "first token of the long prompt")
    found = {"mlx-lm, prefill step 2048": theirs(2048), "mlx-lm, prefill step 512": theirs(512), "mlxq": ours()}
    for name, (gap, first) in found.items():
        table.add_row(name, f"{gap:.1f} s", f"{first:.1f} s")
    return table


def first_token(client: OpenAI, question: str, system: str) -> tuple[float, int, int]:
    """Seconds to a chat's first text, prompt tokens, and those from the cache."""
    began = time.perf_counter()
    chunks = client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "system", "content": system}, {"role": "user", "content": question}],
        max_tokens=8,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    )
    first, usage = 0.0, None
    for chunk in chunks:
        if not first and chunk.choices and chunk.choices[0].delta.content:
            first = time.perf_counter() - began
        usage = chunk.usage or usage
    assert usage is not None and usage.prompt_tokens_details is not None
    return first, usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens or 0


def served(valkey: Valkey, folder: Path) -> Iterator[OpenAI]:
    """A client of the whole stack with a text model whose prompts are stored in `folder`; twice, with a restart."""
    model = {
        "model_path": str(starter.folder(MODEL)),
        "served_model_name": MODEL,
        "prompt_cache_dir": str(folder / "prompts"),
    }
    for number in range(2):
        stack = Stack(valkey, folder / str(number), [model]).ready(240)
        try:
            yield OpenAI(base_url=f"{stack.url}/v1", api_key="none")
        finally:
            stack.stop()


def cache() -> Table:
    """The time to the first token of chats that share a system prompt."""
    table = Table("chat", "prompt", "from the cache", "time to first token", "of the first")
    shelves = " ".join(f"Shelf {number} holds books on subject {number}." for number in range(114))
    system = f"You are a careful librarian. {shelves}"
    with tempfile.TemporaryDirectory() as folder:
        valkey = Valkey(Path(folder))
        try:
            first, again = (
                [first_token(client, f"What is on shelf {8 * one}?", system) for one in range(chats)]
                for client, chats in zip(served(valkey, Path(folder)), (CHATS, 2), strict=False)
            )
        finally:
            valkey.stop()
    later = first[1:]
    lines = {
        "first": first[0],
        f"later ({len(later)}, median)": tuple(map(statistics.median, zip(*later, strict=True))),
        f"later ({len(later)}, slowest)": max(later),
        "first after a restart": again[0],
        "second after a restart": again[1],
    }
    for name, (seconds, prompt, cached) in lines.items():
        share = f"{seconds / first[0][0]:.0%}"
        table.add_row(name, f"{prompt:.0f} tokens", f"{cached:.0f} tokens", f"{1000 * seconds:.0f} ms", share)
    return table


if __name__ == "__main__":
    for part in (sampling, prefill, cache):
        if part.__name__ in (sys.argv[1:] or (part.__name__,)):
            Console(width=120).print(part())
