"""What the libraries reach in this process, without any server: no server on the same library is faster.

Their work is done in the main thread, as MLX wants it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from bench.client import Heard
from bench.report import weights
from bench.report.chats import TEMPERATURE, Chat
from bench.report.measurement import IN_PROCESS
from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402
import mlx_embeddings  # noqa: E402
import mlx_lm  # noqa: E402
from mlx_lm.generate import BatchGenerator  # noqa: E402
from mlx_lm.models.cache import make_prompt_cache  # noqa: E402

ROWS = 32
PIECE = 2048  # tokens of a prefill step, as mlx-lm has it


class Generator:
    """mlx-lm's BatchGenerator."""

    name = IN_PROCESS
    lacks = ("guided",)

    def __init__(self) -> None:
        self._model, self._tokenizer = mlx_lm.load(str(weights.folder(weights.TEXT)))[:2]
        self._prefix: list[int] = []
        self._cache: list[Any] = []

    def chats(self, chats: Sequence[Chat]) -> list[Heard]:
        """All of them in one batch, from tokenising to the last token."""
        began = time.perf_counter()
        stops = [[token] for token in self._tokenizer.eos_token_ids]
        batch = BatchGenerator(self._model, stop_tokens=stops, completion_batch_size=ROWS, prefill_step_size=PIECE)
        prompts = [self._tokens(chat) for chat in chats]
        known = [self._known(prompt) for prompt in prompts]
        rows = batch.insert(
            [prompt[length:] for prompt, length in zip(prompts, known, strict=True)],
            [chat.tokens for chat in chats],
            caches=[self._cache if length else make_prompt_cache(self._model) for length in known],
            all_tokens=[prompt[:length] for prompt, length in zip(prompts, known, strict=True)],
            samplers=[None if chat.seed is None else _sampler(chat.seed) for chat in chats],
        )
        heard = {row: Heard(began, 200) for row in rows}
        try:
            while not all(one.whole for one in heard.values()):
                for said in batch.next()[1]:
                    one, now = heard[said.uid], time.perf_counter()
                    one.pieces.append((now, ""))
                    one.tokens += 1
                    one.ended, one.whole = now, said.finish_reason is not None
        finally:
            batch.close()
        return list(heard.values())

    def warm(self, chat: Chat) -> None:
        """Keep the KV cache of all of its prompt but what differs in another question."""
        own = self._tokens(chat)
        other = self._tokens(Chat("?", chat.tokens, chat.system))
        length = next(at for at, (one, two) in enumerate(zip(own, other, strict=False)) if one != two)
        self._prefix, self._cache = own[:length], make_prompt_cache(self._model)
        for at in range(0, length, PIECE):
            self._model(mx.array([self._prefix[at : at + PIECE]]), cache=self._cache)
            mx.eval([layer.state for layer in self._cache])

    def memory(self) -> None:
        """None: it shares its process with the clients."""

    def _tokens(self, chat: Chat) -> list[int]:
        return list(self._tokenizer.apply_chat_template(chat.messages, add_generation_prompt=True))

    def _known(self, prompt: list[int]) -> int:
        return len(self._prefix) if self._prefix and prompt[: len(self._prefix)] == self._prefix else 0


def _sampler(seed: int) -> Callable[[mx.array], mx.array]:
    position = 0

    def draw(logprobs: mx.array) -> mx.array:
        nonlocal position
        position += 1
        return mx.random.categorical(logprobs / TEMPERATURE, key=mx.array([seed, position], mx.uint32))

    return draw


class Encoder:
    """mlx-embeddings: what so many clients ask for at a time is one batch, and vectors are made into lists."""

    name = IN_PROCESS

    def __init__(self) -> None:
        self._model, self._tokenizer = mlx_embeddings.load(str(weights.folder(weights.VECTORS)))

    def embed(self, clients: Sequence[Iterable[str]], seconds: float) -> list[float]:
        """A batch for the first text of every client, then one for the second, and so on."""
        waited, until = [], time.perf_counter() + seconds
        for texts in zip(*clients, strict=True):
            began = time.perf_counter()
            if began > until:
                break
            self.vectors(texts)
            waited += [time.perf_counter() - began] * len(texts)
        return waited

    def vectors(self, texts: Sequence[str]) -> list[list[float]]:
        """Of one batch, padded to its longest text."""
        found = self._tokenizer(list(texts), padding=True, truncation=True, return_tensors="np")
        ids, mask = mx.array(found["input_ids"]), mx.array(found["attention_mask"])
        vectors = self._model(ids, attention_mask=mask).text_embeds.astype(mx.float32)
        return [list(map(float, vector)) for vector in np.array(vectors)]


@contextmanager
def generator() -> Iterator[Generator]:
    """The text model, warm."""
    found = Generator()
    found.chats([Chat("Say hello.", 4), Chat("Say goodbye.", 4)])
    yield found


@contextmanager
def encoder() -> Iterator[Encoder]:
    """The embedding model, warm."""
    found = Encoder()
    found.vectors(["one", "two"])
    yield found
