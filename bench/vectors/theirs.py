"""`python -m bench.vectors.theirs`: what sentence-transformers makes of the models that standard input names.

Runs in an environment of its own (`make vectors`), which has torch and nothing of this project's.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from sentence_transformers import CrossEncoder, SentenceTransformer


def vectors(folder: str, texts: list[str]) -> list[list[float]]:
    """A vector a text."""
    encoded: Any = SentenceTransformer(folder, device="cpu").encode(texts)
    return [[float(value) for value in vector] for vector in encoded]


def scores(folder: str, pairs: list[list[str]]) -> list[float]:
    """A score a pair."""
    return [float(score) for score in CrossEncoder(folder, device="cpu").predict([tuple(pair) for pair in pairs])]


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    found = {
        "vectors": {name: vectors(folder, asked["texts"]) for name, folder in asked["embeddings"].items()},
        "scores": {name: scores(folder, asked["pairs"][name]) for name, folder in asked["rerankers"].items()},
    }
    json.dump(found, sys.stdout)
