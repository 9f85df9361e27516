"""A response as an object: how it stands, what it shows of its request, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from schemas.responses.tools import callable_tools
from schemas.text.tools import Choice
from tasks.values import events, replay, results
from tasks.values.errors import Failure
from tasks.values.job import Job, Status
from tasks.values.responses import Asked, id_of
from web.http.errors import ANSWERS
from web.render.responses.output import Output

STATUS = {
    Status.QUEUED: "queued",
    Status.RUNNING: "in_progress",
    Status.FAILED: "failed",
    Status.CANCELLED: "cancelled",
    Status.EXPIRED: "failed",
}


def shows(data: Mapping[str, Any]) -> dict[str, Any]:
    """What a response shows of a checked body, with the defaults of what it does not say."""
    reasoning, text = data.get("reasoning", {}), data.get("text", {})
    return {
        "background": data.get("background", False),
        **({"conversation": {"id": data["conversation"]}} if "conversation" in data else {}),
        "frequency_penalty": data.get("frequency_penalty", 0.0),
        "instructions": data.get("instructions"),
        "max_output_tokens": data.get("max_output_tokens"),
        "max_tool_calls": data.get("max_tool_calls"),
        "metadata": data.get("metadata", {}),
        "parallel_tool_calls": data.get("parallel_tool_calls", True),
        "presence_penalty": data.get("presence_penalty", 0.0),
        "previous_response_id": data.get("previous_response_id"),
        "prompt_cache_key": data.get("prompt_cache_key"),
        "prompt_cache_retention": data.get("prompt_cache_retention"),
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "safety_identifier": data.get("safety_identifier"),
        "service_tier": "default",
        "store": data.get("store", True),
        "temperature": data.get("temperature", 1.0),
        "text": {"format": _format(text.get("format", {"type": "text"})), "verbosity": text.get("verbosity", "medium")},
        "tool_choice": _choice(data.get("tool_choice", Choice("auto")), data.get("tools", ())),
        "tools": [_tool(tool) for tool in data.get("tools", ())],
        "top_logprobs": data.get("top_logprobs", 0),
        "top_p": data.get("top_p", 1.0),
        "truncation": data.get("truncation", "disabled"),
        "user": data.get("user"),
    }


def _format(asked: Mapping[str, Any]) -> dict[str, Any]:
    if asked["type"] != "json_schema":
        return dict(asked)
    return {"description": None, "strict": None, **asked}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A function shows what OpenAI's always say, also where its caller did not."""
    if tool["type"] == "namespace":
        return {**tool, "tools": [_tool(inner) for inner in tool["tools"]]}
    return {"description": None, "parameters": None, "strict": None, **tool} if tool["type"] == "function" else {**tool}


def _choice(choice: Choice, tools: Sequence[Mapping[str, Any]]) -> str | dict[str, Any]:
    if choice.name is not None:
        return {"type": choice.kind, "name": choice.name}
    if choice.allowed is None:
        return choice.mode
    types = {one.name: one.tool["type"] for one in callable_tools(tools)}
    allowed = [{"type": types[name], "name": name} for name in choice.allowed]
    return {"type": "allowed_tools", "mode": choice.mode, "tools": allowed}


def head(job: Job, asked: Asked, status: str) -> dict[str, Any]:
    """A response without output, because nothing is made yet or nothing is to be shown."""
    return {
        "id": id_of(job.id),
        "object": "response",
        "created_at": job.created // 1000,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": job.model,
        "output": [],
        "usage": None,
        "completed_at": None,
        **asked.shows,
    }


def completed(job: Job, asked: Asked, result: results.TextResult, at: int) -> dict[str, Any]:
    """A response with what it made, by this time in milliseconds since the epoch."""
    output, (choice,) = Output(job), result.choices
    for delta in replay.deltas(choice, 0):
        for _ in output.take(delta):
            pass
    return done(job, asked, output, choice.finish_reason, events.Done(result.usage, at))


def done(
    job: Job, asked: Asked, output: Output, reason: events.FinishReason | None, ended: events.Done
) -> dict[str, Any]:
    """A response whose output is all there; `reason` is why it ended."""
    cut = reason == "length"
    return {
        **head(job, asked, "incomplete" if cut else "completed"),
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "output": output.items,
        "usage": usage(ended.usage),
        "completed_at": ended.at // 1000 if ended.at and not cut else None,
    }


def read(job: Job, asked: Asked, ended: events.Done) -> dict[str, Any]:
    """A response for which the model has only read what it was given."""
    used = msgspec.structs.replace(ended.usage, completion_tokens=0, reasoning_tokens=0)
    return {**head(job, asked, "completed"), "usage": usage(used), "completed_at": ended.at // 1000}


def ended(job: Job, asked: Asked, status: Status, failure: Failure) -> dict[str, Any]:
    """A response that failed or was cancelled."""
    fields = {} if status is Status.CANCELLED else {"error": error(failure)}
    return {**head(job, asked, STATUS[status]), **fields}


def error(failure: Failure) -> dict[str, Any]:
    """Why a response failed, in the few codes that OpenAI has for it; the message says more."""
    status = ANSWERS[failure.code].status
    code = "invalid_prompt" if status < 429 else "rate_limit_exceeded" if status == 429 else "server_error"
    return {"code": code, "message": failure.message}


def usage(used: events.Usage) -> dict[str, Any]:
    """Tokens as responses count them."""
    return {
        "input_tokens": used.prompt_tokens,
        "input_tokens_details": {"cached_tokens": used.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": used.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": used.reasoning_tokens},
        "total_tokens": used.prompt_tokens + used.completion_tokens,
    }
