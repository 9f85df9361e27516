"""Embeddings as OpenAI's list of them, as numbers or as base64 of float32 (little endian)."""

from __future__ import annotations

import base64
import struct

import msgspec

from tasks.values import results
from tasks.values.job import Job
from web.endpoint import Rendered


def body(job: Job, result: results.Result) -> Rendered:
    """The whole answer."""
    assert isinstance(result, results.VectorResult)  # noqa: S101  (an embedding's events fold to nothing else)
    shown = _same if job.options.encoding_format == "base64" else _numbers
    answer = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": shown(vector)}
            for index, vector in enumerate(result.vectors)
        ],
        "model": job.model,
        "usage": {
            "prompt_tokens": result.usage.prompt_tokens,
            "total_tokens": result.usage.prompt_tokens,
            "prompt_tokens_details": {"cached_tokens": result.usage.cached_tokens},
        },
    }
    return Rendered(msgspec.json.encode(answer))


def _same(vector: str) -> str:
    return vector


def _numbers(vector: str) -> tuple[float, ...]:
    raw = base64.b64decode(vector)
    return struct.unpack(f"<{len(raw) // 4}f", raw)
