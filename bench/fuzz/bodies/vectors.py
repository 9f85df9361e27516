"""Texts to embed, sort and score."""

from __future__ import annotations

from random import Random
from typing import Any

from bench.fuzz.world import World

EMBEDDINGS = "/v1/embeddings"


def embedding(world: World, chance: Random) -> dict[str, Any]:
    """Texts to embed."""
    inputs = chance.choice(("word", ["a", "b"], [1, 2, 3], [[1, 2], [3]]))
    extra = chance.choice(({}, {"truncate": "START"}, {"truncate_prompt_tokens": 2}, {"input_type": "query"}))
    model = chance.choice((world.text, world.vectors))
    return {"model": model, "input": inputs, "encoding_format": "base64", **extra}


def reranked(world: World, chance: Random) -> dict[str, Any]:
    """Documents to sort."""
    documents = chance.choice((["a", "bb"], [{"text": "a", "title": "b"}, "c"], ["a"] * 30))
    extra = (
        {"top_n": 1, "return_documents": True, "max_tokens_per_doc": 9},
        {"return_documents": False, "max_chunks_per_doc": 2, "rank_fields": ["text"], "priority": 1},
        {"truncate_prompt_tokens": -1, "use_activation": False},
        {"instruction": "Find it."},
    )
    return {"model": world.text, "query": "word", "documents": documents, **chance.choice(extra)}


def scored(world: World, chance: Random) -> dict[str, Any]:
    """Pairs of texts to score."""
    pairs = (
        {"text_1": "word", "text_2": ["a", "b"]},
        {"queries": ["a", "b"], "documents": ["c", "d"]},
        {"data_1": ["word"], "data_2": "a", "truncate_prompt_tokens": 9},
    )
    return {"model": world.text, **chance.choice(pairs)}
