"""Keeps what a request asks for small: the fuzz looks for what breaks, not for how long a long answer takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bench.fuzz import values
from bench.fuzz.bodies.chats import CHAT, COMPLETIONS
from bench.fuzz.bodies.messages import MESSAGES
from bench.fuzz.request import Form, Json, Request
from bench.fuzz.world import World

LIMITS = ("max_tokens", "max_completion_tokens")
WORDS = {*LIMITS, "budget_tokens", "thinking_budget", "thinking_token_budget"}
MOST = {**dict.fromkeys(WORDS, 8), "steps": 2, "n": 4, "best_of": 4}  # of a real model; of the fake one 64
TALKS = (CHAT, COMPLETIONS, MESSAGES)
SIZE = "64x64"


def tame(request: Request, world: World) -> Request:
    """The same request for a few words, a few steps and a small picture."""
    if isinstance(request.body, Json):
        return replace(request, body=Json(_tamed(request.body.value, world, request.route)))
    if isinstance(request.body, Form) and request.route.startswith("/v1/images"):
        parts = tuple(
            replace(part, content=SIZE.encode() if part.name == "size" else b"2")
            if part.name in ("size", "steps", "n") and part.content.strip().isdigit()
            else part
            for part in request.body.parts
        )
        return replace(request, body=Form(parts))
    return request


def _tamed(value: Any, world: World, url: Any) -> Any:
    if isinstance(value, values.Pairs):
        return values.Pairs((name, _number(name, _tamed(one, world, url), 8)) for name, one in value)
    if isinstance(value, list):
        return [_tamed(one, world, url) for one in value]
    if not isinstance(value, dict):
        return value
    model, url = value.get("model"), value.get("url", url)
    real = isinstance(model, str) and model in world.real
    tamed = {
        name: _number(name, _tamed(one, world, url), MOST.get(name, 8) if real else 64) for name, one in value.items()
    }
    if real and url in TALKS and not any(isinstance(tamed.get(name), (int, float)) for name in LIMITS):
        tamed["max_tokens"] = 4
    if isinstance(model, str) and model in (world.drawing, world.editing):
        sized = isinstance(tamed.get("size"), str) and tamed["size"] not in ("auto",)
        tamed |= {} if sized else {"size": SIZE}
        tamed |= {"steps": 2} if tamed.get("steps") is None else {}
    return tamed


def _number(name: Any, value: Any, most: int) -> Any:
    if str(name) not in MOST or isinstance(value, bool) or not isinstance(value, (int, float, values.Literal)):
        return value
    try:
        return most if most < float(value) < 2**31 else value
    except (ValueError, OverflowError):  # it is no number, or one beyond all
        return value
