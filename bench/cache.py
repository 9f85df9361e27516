"""`python -m bench.cache`: what the prompt cache costs, and what it saves of a prompt of 4,000 tokens with SmolLM2.

The time to look a prompt up and to keep it among 2,000; the bytes that conversations with a common beginning leave, in
ours and in mlx-lm's cache; and the time to the first token where all but 4 tokens were computed before.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.text import LONG, engine, words
from tasks.values.requests import CompletionRequest
from tests.workers.engines.rows import Batch, job
from workers.engines.lm import TextEngine

import mlx.core as mx  # isort: skip
from mlx_lm.models.cache import KVCache, LRUPromptCache  # isort: skip
from workers.engines.text.cache.prompt_cache import PromptCache

NEW = 4  # tokens
ENTRIES = 2000
CONVERSATIONS = 8
SHARED = 800  # tokens


def first_token(text: TextEngine, tokens: Sequence[int]) -> tuple[float, int]:
    """Seconds to a prompt's first token, and how many of its tokens came from the cache."""
    batch = Batch(text)
    began = time.perf_counter()
    batch.admit("0", job(CompletionRequest((tuple(tokens),), temperature=0.0, max_tokens=1)))
    batch.run()
    return time.perf_counter() - began, batch.usage("0").cached_tokens


def asked(text: TextEngine, number: int) -> tuple[float, int]:
    """The same of the long prompt with other tokens at its end."""
    return first_token(text, [*words(LONG - NEW, 3), *words(NEW, number)])


def restored(folder: str, number: str) -> None:
    """Print the seconds and the cached tokens of the first long prompt of this process."""
    text = engine(prompt_cache_dir=folder)
    first_token(text, words(20, 1))
    print(*asked(text, int(number)))


def reuse() -> Table:
    """The time to the first token by where the beginning comes from."""
    table = Table("beginning", "cached tokens", "first token", "of the prefill")
    with tempfile.TemporaryDirectory() as folder:
        text = engine(prompt_cache_dir=folder)
        first_token(text, words(20, 1))
        whole, cached = asked(text, 0)
        table.add_row("computed", str(cached), f"{whole:.2f} s", "100 %")
        again = [asked(text, number) for number in range(1, 6)]
        store = text._batch._prompt_cache._store
        assert store is not None
        store.flush()
        command = [sys.executable, "-m", "bench.cache", folder]
        fresh = [subprocess.check_output([*command, str(number)], text=True) for number in (1000, 2000, 3000)]
        read = [(float(seconds), int(tokens)) for seconds, tokens in map(str.split, fresh)]
        for name, found in (("from memory", again), ("from files, in a new process", read)):
            seconds, tokens = (statistics.median(part) for part in zip(*found, strict=True))
            table.add_row(name, f"{tokens:.0f}", f"{seconds:.2f} s", f"{100 * seconds / whole:.1f} %")
    return table


def caches(length: int, layers: int, width: int) -> list[Any]:
    """A row's caches with zeros, so many numbers a head."""
    found = [KVCache() for _ in range(layers)]
    for layer in found:
        layer.update_and_fetch(*(mx.zeros((1, 3, length, width)) for _ in range(2)))
    mx.eval([layer.state for layer in found])
    return found


def shares() -> Table:
    """The bytes that conversations leave which begin with the same tokens."""
    ours, theirs = PromptCache(1 << 34), LRUPromptCache(CONVERSATIONS)
    for number in range(CONVERSATIONS):
        tokens = [*words(SHARED, 3), *words(SHARED // 4, 1000 + number)]
        ours.add("", tokens, caches(len(tokens), 30, 64))
        theirs.insert_cache("", tokens, caches(len(tokens), 30, 64))
    table = Table("cache", f"bytes of {CONVERSATIONS} conversations that share {SHARED} tokens of {len(tokens)}")
    for name, held in (("mlx-lm's", theirs.nbytes), ("mlxq's", ours.nbytes)):
        table.add_row(name, f"{held / 1e6:.0f} MB")
    return table


def lookups() -> Table:
    """The time to find and to keep a prompt among many."""
    chance, kept = np.random.default_rng(0), PromptCache(1 << 40)
    beginning, row = chance.integers(0, 40_000, 1500), caches(LONG, 1, 1)  # the index is measured, not memory
    adds, looks = list[float](), list[float]()
    for _ in range(ENTRIES):
        tokens = np.concatenate([beginning, chance.integers(0, 40_000, LONG - len(beginning))])
        began = time.perf_counter()
        kept.longest("", tokens)
        looks.append(time.perf_counter() - began)
        began = time.perf_counter()
        kept.add("", tokens, row)
        adds.append(time.perf_counter() - began)
    table = Table("prompts kept", "a lookup", "keeping one more")
    for count in (ENTRIES // 20, ENTRIES):
        times = (1000 * statistics.median(part[count - 50 : count]) for part in (looks, adds))
        table.add_row(str(count), *(f"{one:.2f} ms" for one in times))
    return table


if __name__ == "__main__":
    if sys.argv[1:]:
        restored(*sys.argv[1:])
    else:
        for part in (lookups, shares, reuse):
            Console(width=120).print(part())
