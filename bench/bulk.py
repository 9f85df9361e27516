"""`python -m bench.bulk [calls] [lines] [chats]`: embeddings and batches against the same work done in process.

Calls of one text each by 16 and 64 clients, a batch of embeddings, and a batch of chats; mlx-embeddings and mlx-lm's
BatchGenerator do the same beside them, in this process and in turns with the stack. Ratios are of medians.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from bench.cpu import Spent
from tests import starter
from tests.faults.bulk import ENDED, Batch
from tests.servers import Stack, Valkey
from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402
import mlx_embeddings  # noqa: E402
import mlx_lm  # noqa: E402
from mlx_lm.generate import BatchGenerator  # noqa: E402

EMBEDS, TALKS = "all-minilm-l6-v2", "smollm2-135m-instruct"
CLIENTS = (16, 64)
TOGETHER = 64  # texts that are sorted by length in process, as many as our engine has at a time
WIDE = 16  # texts a forward pass in process
ROWS = 32
_POLL = 0.1  # seconds
_WORDS = (
    "the keeper of a lighthouse on the coast wrote down every ship that passed by night and what it may have carried"
)


def text(number: int) -> str:
    """A text of 5 to 84 words, as documents have them."""
    words = f"{number} {_WORDS}".split()
    return " ".join(words[(number + at) % len(words)] for at in range(5 + number * 37 % 80))


class Embeds:
    """mlx-embeddings in this process."""

    def __init__(self) -> None:
        self._model, self._tokenizer = mlx_embeddings.load(str(starter.folder(EMBEDS)))

    def run(self, texts: Sequence[str]) -> float:
        """Texts a second."""
        began = time.perf_counter()
        for start in range(0, len(texts), TOGETHER):
            ids = [self._tokenizer.encode(one) for one in texts[start : start + TOGETHER]]
            ids.sort(key=len)
            for at in range(0, len(ids), WIDE):
                some = ids[at : at + WIDE]
                width = len(some[-1])
                padded = mx.array([one + [0] * (width - len(one)) for one in some])
                mask = mx.array([[1] * len(one) + [0] * (width - len(one)) for one in some])
                mx.eval(self._model(padded, attention_mask=mask).text_embeds)
        return len(texts) / (time.perf_counter() - began)


class Talks:
    """mlx-lm's batch in this process."""

    def __init__(self) -> None:
        self._model, self._tokenizer = mlx_lm.load(str(starter.folder(TALKS)))[:2]

    def run(self, texts: Sequence[str], tokens: int) -> float:
        """Tokens a second."""
        began, said = time.perf_counter(), 0
        ends = [[one] for one in self._tokenizer.eos_token_ids]
        generator = BatchGenerator(self._model, max_tokens=tokens, completion_batch_size=ROWS, stop_tokens=ends)
        generator.insert(
            [
                self._tokenizer.apply_chat_template([{"role": "user", "content": one}], add_generation_prompt=True)
                for one in texts
            ]
        )
        left = len(texts)
        while left:
            _, told = generator.next()
            said += len(told)
            left -= sum(one.finish_reason is not None for one in told)
        generator.close()
        return said / (time.perf_counter() - began)


def calls(stack: Stack, clients: int, texts: Sequence[str]) -> float:
    """Texts a second of so many clients that ask for one text at a time."""
    waiting = list(texts)

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", stack.port)
        while waiting:
            body = json.dumps({"model": EMBEDS, "input": waiting.pop(), "encoding_format": "base64"})
            connection.request("POST", "/v1/embeddings", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            data = response.read()
            assert response.status == 200, data

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(texts) / (time.perf_counter() - began)


def lines(stack: Stack, endpoint: str, bodies: Sequence[dict[str, Any]]) -> tuple[float, dict[str, Any]]:
    """Seconds that a batch takes, and how it ended."""
    began = time.perf_counter()
    batch = Batch(stack.url, endpoint, {str(number): body for number, body in enumerate(bodies)})
    connection = http.client.HTTPConnection("127.0.0.1", stack.port)
    ended: dict[str, Any] = {"status": ""}
    while ended["status"] not in ENDED:
        time.sleep(_POLL)
        connection.request("GET", f"/v1/batches/{batch.id}")
        ended = json.loads(connection.getresponse().read())
    seconds = time.perf_counter() - began
    assert ended["request_counts"]["completed"] == len(bodies), ended
    return seconds, ended


class Work(NamedTuple):
    """So many pieces of work, done by a stack and in this process; both answer a rate."""

    name: str
    count: int
    ours: Callable[[Stack], float]
    theirs: Callable[[], float]

    def row(self, stack: Stack, spent: Spent, rounds: int) -> list[str]:
        """Rates, medians of rounds that take turns, as cells."""
        mine, own, used = list[float](), list[float](), list[str]()
        for number in range(rounds):
            if number % 2:
                own.append(self.theirs())
            before = spent.now()
            mine.append(self.ours(stack))
            used.append(spent.since(before, self.count))
            if not number % 2:
                own.append(self.theirs())
        ours, theirs = statistics.median(mine), statistics.median(own)
        return [self.name, f"{ours:.1f}", f"{theirs:.1f}", f"{ours / theirs:.2f}", used[-1]]


def main() -> None:
    """Start a stack, measure in turns, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["calls", "lines", "chats"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--texts", type=int, default=384)
    parser.add_argument("--chats", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=24)
    chosen = parser.parse_args()
    texts = [text(number) for number in range(chosen.texts)]
    questions = [f"What do you know about this: {text(number)[:150]}?" for number in range(chosen.chats)]
    talk = {"model": TALKS, "max_tokens": chosen.tokens, "temperature": 0}
    embeds = [{"model": EMBEDS, "input": one, "encoding_format": "base64"} for one in texts]
    chats = [{**talk, "messages": [{"role": "user", "content": one}]} for one in questions]

    def embedded(stack: Stack) -> float:
        return len(texts) / lines(stack, "/v1/embeddings", embeds)[0]

    def talked(stack: Stack) -> float:
        seconds, ended = lines(stack, "/v1/chat/completions", chats)
        return float(ended["usage"]["output_tokens"]) / seconds

    work: list[Work] = []
    if "calls" in chosen.parts or "lines" in chosen.parts:
        alone = partial(Embeds().run, texts)
        if "calls" in chosen.parts:
            work += [
                Work(f"calls/s, {count} clients", len(texts), partial(calls, clients=count, texts=texts), alone)
                for count in CLIENTS
            ]
        if "lines" in chosen.parts:
            work.append(Work("embedding lines/s", len(texts), embedded, alone))
    if "chats" in chosen.parts:
        work.append(Work("tok/s of chat lines", len(chats), talked, partial(Talks().run, questions, chosen.tokens)))
    models = [{"model_path": str(starter.folder(EMBEDS)), "served_model_name": EMBEDS, "model_type": "embeddings"}]
    if "chats" in chosen.parts:
        models.append({"model_path": str(starter.folder(TALKS)), "served_model_name": TALKS, "model_type": "lm"})
    table = Table("what", "ours", "in process", "ratio", "CPU ms each", title=f"{chosen.rounds} rounds in turns")
    with tempfile.TemporaryDirectory() as folder:
        valkey = Valkey(Path(folder))
        stack = Stack(valkey, Path(folder) / "stack", models, db=0)
        try:
            stack.ready(240)
            spent = Spent(stack, valkey)
            for one in work:
                table.add_row(*one.row(stack, spent, chosen.rounds))
        finally:
            stack.stop()
            valkey.stop()
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
