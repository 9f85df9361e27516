"""`python -m bench.drafts`: answers with and without drafts out of the text itself, of SmolLM2.

One text repeats what its prompt says; the other is a story, which goes round in circles where it is greedy and not at
temperature 1. CPU time, because it is what a busy machine measures best.
"""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.text import engine
from tasks.values.requests import CompletionRequest
from tests.workers.engines.rows import Batch, job
from workers.engines.lm import TextEngine

TOKENS = 80
DRAFTS = 10  # at most
CODE = """def load(path):
    with open(path) as file:
        data = json.load(file)
    return data


def save(path, data):
    with open(path, "w") as file:
        json.dump(data, file)
"""
TEXTS = {
    "repeats its prompt": f"Here is a file:\n\n{CODE}\n\nHere is the same file once more:\n\n{CODE[:40]}",
    "a story": "Once upon a time in a far country there lived",
}
WAYS: dict[str, dict[str, Any]] = {"greedy": {"temperature": 0.0}, "temperature 1": {"temperature": 1.0, "seed": 3}}


def counted(text: TextEngine) -> list[tuple[int, ...]]:
    """The shapes that go through an engine's model, as they come."""
    groups, shapes = text._batch._groups, list[tuple[int, ...]]()
    model = groups._model

    def spy(inputs: Any, cache: Any) -> Any:
        shapes.append(inputs.shape)
        return model(inputs, cache=cache)

    groups._model = spy
    return shapes


def answers(text: TextEngine, prompt: str, rows: int, options: dict[str, Any]) -> tuple[list[str], float]:
    """Some answers that are decoded together, and seconds of CPU time a token once all are."""
    batch = Batch(text)
    for number in range(rows):
        asked = CompletionRequest((f"{'#' * number}\n{prompt}",), max_tokens=TOKENS, **options)
        batch.admit(str(number), job(asked))
    while len(text._batch._groups.rows) < rows or any(group.joining for group in text._batch._groups.all):
        batch.step()
    before, began = sum(row.generated for row in text._batch.rows), time.process_time()
    batch.run()
    seconds = time.process_time() - began
    return [batch.text(str(number)) for number in range(rows)], seconds / (rows * TOKENS - before)


def main() -> None:
    """Each text alone and in company, without drafts and with them, twice; the faster counts."""
    table = Table("text", "rows", "settings", "forward passes", "with drafts", "CPU time a token", "with drafts")
    plain, drafting = (engine(prompt_cache_max_bytes=0, prompt_lookup_num_tokens=most) for most in (0, DRAFTS))
    passes = counted(plain), counted(drafting)
    for name, prompt in TEXTS.items():
        for rows in (1, 3):
            for way, options in WAYS.items():
                texts, seconds, counts = [], [], []
                for text, shapes in zip((plain, drafting), passes, strict=True):
                    runs = []
                    for _ in range(2):
                        shapes.clear()
                        runs.append(answers(text, prompt, rows, options))
                    texts.append(runs[-1][0])
                    seconds.append(min(run[1] for run in runs))
                    counts.append(len(shapes))
                assert texts[0] == texts[1], "drafts changed an answer"
                times = [f"{1000 * one:.0f} ms" for one in seconds]
                table.add_row(name, str(rows), way, str(counts[0]), str(counts[1]), *times)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
