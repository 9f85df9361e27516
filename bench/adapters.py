"""`python -m bench.adapters`: eight rows of SmolLM2 with four LoRA adapters, in one forward pass and in one each."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.text import MODEL, engine
from tasks.values.requests import CompletionRequest
from tests.support import starter
from tests.workers.engines.rows import Batch, job
from workers.engines.lm import TextEngine

import mlx.core as mx  # isort: skip  # after OpenBLAS
import mlx_lm  # isort: skip
from mlx.utils import tree_flatten  # isort: skip
from mlx_lm.tuner.utils import linear_to_lora_layers  # isort: skip

ADAPTERS = ("a", "b", "c", "d")
ROWS, TOKENS, RANK = 8, 40, 8
KEYS = ["self_attn.q_proj", "self_attn.v_proj", "mlp.up_proj", "mlp.down_proj"]


def save(folder: Path, seed: int) -> None:
    """Write a random adapter of all layers."""
    model, *_ = mlx_lm.load(str(starter.folder(MODEL)))
    parameters = {"rank": RANK, "scale": 20.0, "dropout": 0.0, "keys": KEYS}
    layers = len(model.layers)
    linear_to_lora_layers(model, layers, parameters)
    mx.random.seed(seed)
    folder.mkdir()
    config = {"fine_tune_type": "lora", "num_layers": layers, "lora_parameters": parameters}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    leaves = {name: leaf for name, leaf in tree_flatten(model.parameters()) if name.endswith(("lora_a", "lora_b"))}
    weights = {name: 0.01 * mx.random.normal(leaf.shape) for name, leaf in leaves.items()}
    mx.save_safetensors(str(folder / "adapters.safetensors"), weights)


def decoded(text: TextEngine, adapters: tuple[str, ...]) -> float:
    """Seconds of CPU time a token of so many rows, once all are decoded."""
    batch = Batch(text)
    for number in range(ROWS):
        asked = CompletionRequest(
            (f"Once upon a time {number}",),
            max_tokens=TOKENS,
            temperature=0.0,
            adapter=adapters[number % len(adapters)],
        )
        batch.admit(str(number), job(asked))
    while len(text._batch._groups.rows) < ROWS or any(group.joining for group in text._batch._groups.all):
        batch.step()
    before, began = sum(row.generated for row in text._batch.rows), time.process_time()
    batch.run()
    return (time.process_time() - began) / (ROWS * TOKENS - before)


def main() -> None:
    """Each way three times, in turns; the fastest counts."""
    with tempfile.TemporaryDirectory() as folder:
        folders = {name: Path(folder) / name for name in ADAPTERS}
        for seed, path in enumerate(folders.values()):
            save(path, seed)
        text = engine(prompt_cache_max_bytes=0, adapters={name: str(path) for name, path in folders.items()})
    adapters = text._batch._groups._adapters
    assert adapters is not None and adapters._mixed is not None
    mixed, seconds = adapters._mixed, dict[str, list[float]]()
    for _ in range(3):
        for name, layers, chosen in (
            ("four adapters, one pass", mixed, ADAPTERS),
            ("four adapters, a pass each", None, ADAPTERS),
            ("one adapter", mixed, ADAPTERS[:1]),
            ("no adapter", mixed, ("",)),
        ):
            adapters._mixed = layers
            seconds.setdefault(name, []).append(decoded(text, chosen))
    table = Table(f"{ROWS} rows", "CPU time a token")
    for name, measured in seconds.items():
        table.add_row(name, f"{1000 * min(measured):.1f} ms")
    kept = sum(leaf.nbytes for layer in mixed.values() for leaf in (layer._a, layer._b))
    Console(width=120).print(table, f"{kept / 2**20:.0f} MiB of adapters side by side")


if __name__ == "__main__":
    main()
