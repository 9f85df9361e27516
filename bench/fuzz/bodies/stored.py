"""Files, batches, jobs, keys, and metadata of what is stored."""

from __future__ import annotations

from random import Random
from typing import Any

from bench.fuzz.bodies.chats import CHAT, COMPLETIONS, chat, completion, tokenized
from bench.fuzz.bodies.vectors import EMBEDDINGS, embedding
from bench.fuzz.request import Part
from bench.fuzz.world import World, line


def upload(world: World, chance: Random) -> tuple[Part, ...]:
    expiry = (Part("expires_after[anchor]", b"created_at"), Part("expires_after[seconds]", b"3600"))
    lines = "\n".join(line(number, CHAT, chat(world, chance)) for number in range(3)).encode()
    if chance.random() < 0.5:
        return (Part("purpose", b"user_data"), *expiry, Part("file", b"some bytes", "a.txt", "text/plain"))
    return (Part("purpose", b"batch"), Part("file", lines, "a.jsonl", "application/jsonl"))


def batch(world: World, chance: Random) -> dict[str, Any]:
    """Lines to run."""
    more = chance.choice(({}, {"output_expires_after": {"anchor": "created_at", "seconds": 3600}}))
    return {
        "input_file_id": world.lines(chance),
        "endpoint": CHAT,
        "completion_window": "24h",
        "metadata": {"a": "b"},
        **more,
    }


def job(world: World, chance: Random) -> dict[str, Any]:
    """Some endpoint's call as a job."""
    url, make = chance.choice(
        ((CHAT, chat), (COMPLETIONS, completion), (EMBEDDINGS, embedding), ("/v1/tokenize", tokenized))
    )
    told = {"metadata": {"run": "1"}, "labels": ["a", "b"], "priority": 1, "ttl": 60}
    hook = {"webhook": {"url": "http://127.0.0.1:1/hook", "events": ["job.succeeded"]}}
    return {"url": url, "body": make(world, chance), **told, **chance.choice(({}, {}, hook))}


def key(world: World, chance: Random) -> dict[str, Any]:
    """An API key with limits."""
    del world
    limits = {"concurrent_requests": 4, "requests_per_minute": 60, "unfinished_jobs": 10}
    return {"label": "someone", "expires_in": chance.choice((60, 3600)), **limits}


def described(world: World, chance: Random) -> dict[str, Any]:
    """Other metadata of what is stored."""
    del world
    return {"metadata": chance.choice(({"a": "b"}, {"run": "1", "c": ""}, {}, None))}
