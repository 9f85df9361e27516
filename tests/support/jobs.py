"""Jobs as tests make them."""

from __future__ import annotations

from typing import Any

from tasks.redis.store import JobStore
from tasks.values.job import Job, Lane, job_id
from tasks.values.messages import Message
from tasks.values.requests import ChatRequest, EmbeddingRequest


def chat(store: JobStore, text: str = "word", *, tokens: int = 4, **fields: Any) -> Job:
    """A chat with the fake engine, by default a job polled later."""
    clock = store.clock()
    now = clock // 1000
    given: dict[str, Any] = {
        "id": job_id(clock),
        "owner": "anonymous",
        "model": "fake",
        "endpoint": "/v1/chat/completions",
        "payload": ChatRequest((Message("user", text),), max_tokens=tokens),
        "created": now,
        "deadline": now + 60_000,
        "lane": Lane.INTERACTIVE,
        "keep": 60,
    }
    return Job(**{**given, **fields})


def embedding(store: JobStore, *inputs: str, **fields: Any) -> Job:
    """An embedding of these texts."""
    payload = EmbeddingRequest(inputs or ("text",))
    return chat(store, endpoint="/v1/embeddings", **{"payload": payload, **fields})
