"""`/v1/responses`: made, read, followed, cancelled and deleted."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec
from flask import Blueprint, Response, request
from werkzeug.datastructures import MultiDict

from mlxq.settings import Settings
from schemas.answers import responses as answers
from schemas.responses.responses import (
    ENCRYPTED,
    LOGPROBS,
    InputItemListSchema,
    ResponseRetrieveSchema,
    ResponsesSchema,
    rules,
)
from schemas.responses.tools import CallableTool, callable_tools
from schemas.text.tools import Choice
from tasks.streaming.followers import Ends
from tasks.values import responses as values
from tasks.values import results
from tasks.values.errors import InvalidValue, JobConflict
from tasks.values.job import Job, RenderOptions
from tasks.values.messages import Message
from tasks.values.requests import ChatRequest, Constraint, Tool, ToolChoice
from web import calls, identity, intake
from web.api.text import shared as text
from web.endpoint import Endpoint, Rendered
from web.gateway import gateway
from web.http.body import unknown_fields
from web.http.prefer import Preference, preference
from web.http.wire import sse
from web.http.wire.disconnect import Probe
from web.identity import Caller
from web.openapi.operation import SSE, operation
from web.render.responses import body as render
from web.render.responses import items
from web.render.responses.stream import Stream
from web.stored import conversations, responses
from web.waiting import EventInbox, entries, patience

SMALL = 2 * 1024  # bytes of a request that stay in its record; of a larger one they become a blob
SEEDS = 1 << 31
blueprint = Blueprint("responses", __name__)


def payload(data: Mapping[str, Any]) -> ChatRequest:
    """What a checked body asks of a model."""
    choice = data.get("tool_choice", Choice("auto"))
    top_logprobs = data.get("top_logprobs") or LOGPROBS in data.get("include", ())
    chosen = {
        **text.sampling(data),
        "max_tokens": data.get("max_output_tokens"),
        "logprobs": data.get("top_logprobs", 0) if top_logprobs else None,
        "constraint": next((Constraint(*rule) for rule in rules(data)), None),
    }
    if data.get("background"):
        # A worker that dies is followed by one that says the same, for a client that has seen a part of it.
        chosen.setdefault("seed", secrets.randbelow(SEEDS))
    read = conversation(data)
    if choice.allowed is not None:
        read["tools"] = tuple(tool for tool in read["tools"] if tool.name in choice.allowed)
    return ChatRequest(
        **read,
        **chosen,
        tool_choice=ToolChoice(choice.mode, choice.name, data.get("parallel_tool_calls", True)),
        thinking_budget=data.get("reasoning", {}).get("max_tokens"),
        truncate=data.get("truncation") == "auto",
        replay=True,
    )


def conversation(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `ChatRequest` and `RenderRequest` that say what the model reads."""
    options = {
        "reasoning_effort": data.get("reasoning", {}).get("effort"),
        "verbosity": data.get("text", {}).get("verbosity"),
    }
    messages = [Message("system", data["instructions"])] if data.get("instructions") else []
    return {
        "messages": _begun_once([*messages, *data["history"], *input_messages(data)]),
        "template_options": {name: value for name, value in options.items() if value is not None},
        "tools": tuple(map(_tool, callable_tools(data.get("tools", [])))),
    }


def input_messages(data: Mapping[str, Any]) -> tuple[Message, ...]:
    """The turns of a body's own input."""
    return tuple(text.message(index, turn) for index, turn in enumerate(data["messages"]))


def _begun_once(turns: list[Message]) -> tuple[Message, ...]:
    """The same turns with one of the system at their beginning: instructions and input may both hold some."""
    count = next((index for index, turn in enumerate(turns) if turn.role != "system"), len(turns))
    if count < 2:
        return tuple(turns)
    return (Message("system", "\n\n".join(turn.content for turn in turns[:count])), *turns[count:])


def _tool(callable_tool: CallableTool) -> Tool:
    if callable_tool.tool["type"] == "function":
        return Tool(**{name: value for name, value in callable_tool.tool.items() if name != "type"})
    form = callable_tool.tool.get("format", {"type": "text"})
    grammar = form if form["type"] == "grammar" else None
    return text.custom_tool(callable_tool.tool, grammar, f"{callable_tool.param}.format.definition")


def options(caller: Caller, data: Mapping[str, Any]) -> RenderOptions:
    """What rendering needs to know of a checked body, and what a later response does."""
    tools = list(callable_tools(data.get("tools", [])))
    asked = values.Asked(
        render.shows(data), tuple(data["input"]), input_messages(data), data.get("previous_response_id")
    )
    packed = values.encode(asked)
    large = data.get("store", True) and len(packed) > SMALL
    return RenderOptions(
        custom_tools=tuple(one.name for one in tools if one.tool["type"] == "custom"),
        namespaces={one.name: one.namespace for one in tools if one.namespace is not None},
        response=values.Response(
            None if large else asked,
            caller.gateway.store.blobs.put(packed, "application/json") if large else None,
            stored=data.get("store", True),
            background=data.get("background", False),
            summarised="summary" in data.get("reasoning", {}),
            sealed=ENCRYPTED in data.get("include", ()),
            conversation=data.get("conversation"),
        ),
    )


def keep(settings: Settings, data: Mapping[str, Any]) -> int | None:
    """For how many seconds a response can be read."""
    return settings.response_ttl if data.get("store", True) else None


def body(caller: Caller, job: Job, result: results.Result) -> Rendered:
    """The whole response."""
    assert isinstance(result, results.TextResult)  # noqa: S101  (a chat's events fold to nothing else)
    at = caller.gateway.store.done_at(job.id)
    return Rendered(msgspec.json.encode(render.completed(job, responses.asked(caller.gateway, job), result, at)))


ENDPOINT = Endpoint(
    path="/v1/responses",
    model_types=text.MODEL_TYPES,
    schema=ResponsesSchema,
    resolve=conversations.resolve,
    payload=payload,
    options=options,
    keep=keep,
    body=body,
    stream=lambda caller, job: Stream(job, responses.asked(caller.gateway, job)),
)


@blueprint.post(ENDPOINT.path)
@operation(
    "createResponse",
    answers.Response,
    {SSE: answers.ResponseStreamEvent},
    endpoint=ENDPOINT,
    example={"model": "smollm2-135m-instruct", "input": "What is the capital of France?", "max_output_tokens": 32},
)
def create() -> Response:
    """Answer an input, go on from an earlier response, or make one in the background."""
    raw = intake.body(request, gateway(), ENDPOINT)
    prefer = preference(request.headers, gateway().settings)
    if raw.get("background") is True and prefer.wait is None:
        return _in_background(raw, prefer._replace(wait=0.0))
    return calls.begin(ENDPOINT, raw, prefer, {})


def _in_background(raw: Mapping[str, Any], prefer: Preference) -> Response:
    caller = identity.current()
    taken = calls.taken(caller, ENDPOINT, raw, prefer)
    job, _, _ = calls.submit(caller, ENDPOINT, taken, prefer, Ends(), {})
    if taken.data.get("stream"):
        return _followed(caller, job, -1)
    return _json(responses.shown(caller, caller.gateway.store.get(job.id, caller.owner)))


def _followed(caller: Caller, job: Job, after: int) -> Response:
    """A response's events behind a number, and those that are still to come."""
    caller.gateway.capacity.occupy()
    inbox, left = EventInbox(), patience(caller.gateway, job)
    arrivals = entries(caller.gateway, job, Probe(request.environ), left, inbox)
    inbox.leave_to(request.environ)
    stream = Stream(job, responses.asked(caller.gateway, job), after)
    return Response(calls.frames([], arrivals, stream), mimetype=sse.MIMETYPE, headers=sse.HEADERS)


def _json(value: object) -> Response:
    return Response(msgspec.json.encode(value), content_type="application/json")


@blueprint.get(f"{ENDPOINT.path}/<response_id>")
@operation(
    "getResponse",
    answers.Response,
    {SSE: answers.ResponseStreamEvent},
    query=ResponseRetrieveSchema,
    errors=frozenset({429}),
)
def show(response_id: str) -> Response:
    """A stored response, or its events, also those that are still to come."""
    caller = identity.current()
    wanted = unknown_fields.read(ResponseRetrieveSchema, _query(request.args))
    record = responses.find(caller, response_id)
    if wanted["stream"]:
        return _followed(caller, record.job, wanted["starting_after"])
    if wanted["starting_after"] >= 0:
        raise InvalidValue("'starting_after' is for streams; set 'stream' to true", param="starting_after")
    return _json(responses.shown(caller, record))


def _query(args: MultiDict[str, str]) -> dict[str, Any]:
    """The query as one object: `include` may be said several times, and as `include[]`."""
    asked: dict[str, Any] = {name: value for name, value in args.items() if name not in ("include", "include[]")}
    include = [*args.getlist("include"), *args.getlist("include[]")]
    return {**asked, **({"include": include} if include else {})}


@blueprint.delete(f"{ENDPOINT.path}/<response_id>")
@operation("deleteResponse", answers.DeletedResponse, errors=frozenset({409}))
def delete(response_id: str) -> dict[str, Any]:
    """Forget a response that has ended; what went on from it cannot go on any more."""
    caller = identity.current()
    record = responses.find(caller, response_id)
    if not caller.gateway.store.erase(record):
        raise JobConflict(f"'{response_id}' has not ended; cancel it first")
    return {"id": response_id, "object": "response", "deleted": True}


@blueprint.post(f"{ENDPOINT.path}/<response_id>/cancel")
@operation("cancelResponse", answers.Response)
def cancel(response_id: str) -> Response:
    """End a response that is made in the background; one that has ended stays as it is."""
    caller = identity.current()
    record = responses.find(caller, response_id)
    response = record.job.options.response
    if response is None or not response.background:
        raise InvalidValue(f"'{response_id}' is not made in the background; it ends with its connection", param="id")
    with suppress(JobConflict):
        caller.gateway.store.cancel(record.job.id, caller.owner)
    return _json(responses.shown(caller, responses.find(caller, response_id)))


@blueprint.get(f"{ENDPOINT.path}/<response_id>/input_items")
@operation("listInputItems", answers.ResponseItemList, query=InputItemListSchema)
def input_items(response_id: str) -> dict[str, Any]:
    """What a response was given, the newest first unless they are asked for in order."""
    caller = identity.current()
    wanted = unknown_fields.read(InputItemListSchema, _query(request.args))
    job = responses.find(caller, response_id).job
    listed = items.listed(job, responses.asked(caller.gateway, job))
    return items.page(listed, wanted["order"], wanted.get("after"), wanted["limit"])
