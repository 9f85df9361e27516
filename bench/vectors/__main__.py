"""`python -m bench.vectors PYTHON`: our vectors and scores beside those of sentence-transformers in that environment.

The models are tiny and random, of six architectures with every pooling mode, and four cross-encoders; both sides load
the same folders in float32 and get the same texts. Prints the largest difference of any number, beside how large the
numbers are; fails where one is more than a hundred-thousandth.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.workers.engines.encoders import tiny
from tests.workers.engines.rows import embedding, run, vectors
from tests.workers.engines.scoring import rerankers
from workers import blas

blas.preload()

import numpy as np  # noqa: E402

from mlxq.entries.embeddings import EmbeddingsEntry  # noqa: E402
from mlxq.settings import Settings  # noqa: E402
from workers.engines import embeddings  # noqa: E402

NETWORKS = ("bert", "roberta", "xlm-roberta", "distilbert", "mpnet", "modernbert")
POOLINGS = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken")
TEXTS = (*tiny.TEXTS, "the big dog is on the small mat and the cat sat and find a dog", "cats sated")
NEAR = 1e-5


def compared(python: str, root: Path) -> Mapping[str, tuple[float, float]]:
    """By what is compared, as `bert, mean_tokens`: the largest difference, and the largest number."""
    folders = {
        f"{network}, {pooling}": tiny.sentence_model(
            root / network / pooling, {"modules": [tiny.pooled(pooling)]}, network
        )
        for network in NETWORKS
        for pooling in POOLINGS
    }
    pairs = {name: rerankers.pairs(name) for name in rerankers.CROSS_ENCODERS}
    asked = {
        "texts": TEXTS,
        "embeddings": {name: str(folder) for name, folder in folders.items()},
        "rerankers": {name: str(rerankers.FIXTURES / name) for name in pairs},
        "pairs": pairs,
    }
    said = subprocess.run(
        [python, "-m", "bench.vectors.theirs"], input=json.dumps(asked), stdout=subprocess.PIPE, text=True, check=True
    )
    theirs = json.loads(said.stdout)
    found: dict[str, Sequence[Any]] = {name: _vectors(folder) for name, folder in folders.items()}
    found |= {f"{name}, reranker": rerankers.scores(rerankers.load(name), pairs[name]) for name in pairs}
    expected = {**theirs["vectors"], **{f"{name}, reranker": one for name, one in theirs["scores"].items()}}
    return {
        name: (float(np.abs(np.array(ours) - np.array(expected[name])).max()), float(np.abs(expected[name]).max()))
        for name, ours in found.items()
    }


def _vectors(folder: Path) -> list[list[float]]:
    engine = embeddings.load(EmbeddingsEntry(model_path=str(folder)), Settings(home=folder))
    return vectors(run(engine, embedding(*TEXTS, truncate="end")), "0")


def table(found: Mapping[str, tuple[float, float]]) -> str:
    """What was compared, in Markdown."""
    head = "| | largest difference | largest number |\n| --- | ---: | ---: |"
    rows = [f"| {name} | {apart:.0e} | {size:.2f} |" for name, (apart, size) in found.items()]
    return "\n".join([head, *rows])


def main(python: str) -> int:
    """How many are not the same."""
    with tempfile.TemporaryDirectory() as root:
        found = compared(python, Path(root))
    print(table(found))
    return sum(apart > NEAR for apart, _ in found.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
