"""Answers of every kind as files of what clients are told: `python -m tests.web.render.responses.mixes` writes them."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from schemas.fields import loaded
from schemas.responses.responses import ResponsesSchema
from schemas.responses.tools import callable_tools
from tasks.redis.job_scripts import STATUS
from tasks.values import events, results
from tasks.values.errors import Failure
from tasks.values.events import CallDelta, Delta, Event, TokenLogprob
from tasks.values.job import Job, Lane, RenderOptions
from tasks.values.requests import ChatRequest
from tasks.values.responses import Asked, Response
from web.render.failure import failure
from web.render.responses import body as render
from web.render.responses import items
from web.render.responses.stream import Stream

FILES = Path(__file__).parent / "golden"
LOOK = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}, "strict": True}
WRITE = {"type": "custom", "name": "write", "format": {"type": "grammar", "syntax": "regex", "definition": "[a-z]+"}}
USAGE = events.Usage(12, 34, 5, reasoning_tokens=6)
AT = 1_800_000_003_500


class Mix(NamedTuple):
    """A request, and what an engine tells of its answer."""

    asks: dict[str, Any]
    told: list[Event]


def token(text: str, *top: TokenLogprob) -> TokenLogprob:
    return TokenLogprob(text, base64.b64encode(text.encode()).decode(), -0.5, 0, top)


def thought(text: str) -> Delta:
    return Delta("", reasoning=text)


def call(number: int, name: str, *arguments: str) -> list[Event]:
    begun: list[Event] = [Delta("", calls=(CallDelta(number, f"call_{number}", name),))]
    return [*begun, *(Delta("", calls=(CallDelta(number, arguments=piece),)) for piece in arguments)]


def answer(*told: Event, reason: events.FinishReason = "stop") -> list[Event]:
    return [events.Started(1, 12), *told, Delta("", finish_reason=reason), events.Done(USAGE, AT)]


MIXES: dict[str, Mix] = {
    "text": Mix({"input": "Hi"}, answer(Delta("Good"), Delta(" day"))),
    "thinking and text": Mix({"input": "Hi"}, answer(thought("A "), thought("guest."), Delta("Good day"))),
    "thinking as a summary, sealed": Mix(
        {"reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"], "input": "Hi"},
        answer(thought("A guest."), Delta("Good day")),
    ),
    "two calls": Mix(
        {"input": "Look", "tools": [LOOK]},
        answer(*call(0, "look", '{"at"', ": 1}"), *call(1, "look", "{}"), reason="tool_calls"),
    ),
    "text, a call and text": Mix(
        {"input": "Look", "tools": [LOOK], "tool_choice": {"type": "function", "name": "look"}},
        answer(Delta("I look."), *call(0, "look", "{}"), Delta("I looked."), reason="tool_calls"),
    ),
    "thinking, text, thinking and a call": Mix(
        {"input": "Look", "tools": [LOOK], "parallel_tool_calls": False},
        answer(thought("Where?"), Delta("There."), thought("Sure."), *call(0, "look", "{}"), reason="tool_calls"),
    ),
    "a custom tool beside a function": Mix(
        {
            "input": "Write",
            "tools": [LOOK, WRITE],
            "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "custom", "name": "write"}]},
        },
        answer(*call(0, "write", '{"inp', 'ut": "abc"}'), *call(1, "look", "{}"), reason="tool_calls"),
    ),
    "calls in a namespace": Mix(
        {
            "input": [
                {"type": "function_call", "call_id": "c1", "name": "look", "namespace": "shop", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c1", "output": "a hat"},
                {"role": "user", "content": "Write"},
            ],
            "tools": [LOOK, {"type": "namespace", "name": "shop", "description": "A shop.", "tools": [LOOK, WRITE]}],
        },
        answer(*call(0, "shop.look", "{}"), *call(1, "shop.write", '{"input": "abc"}'), reason="tool_calls"),
    ),
    "incomplete in the text": Mix({"input": "Hi", "max_output_tokens": 34}, answer(Delta("Good"), reason="length")),
    "incomplete in a summary of thinking": Mix(
        {"input": "Hi", "reasoning": {"summary": "detailed"}}, answer(thought("Who"), reason="length")
    ),
    "failure half way": Mix(
        {"input": "Hi"},
        [
            events.Started(1, 12),
            thought("A guest."),
            Delta("Good"),
            events.Failed(Failure("engine_error", "the engine failed")),
        ],
    ),
    "cancelled in the background": Mix(
        {"input": "Hi", "background": True, "metadata": {"run": "1"}},
        [events.Started(1, 12), Delta("Good"), events.Cancelled()],
    ),
    "a picture, with probabilities": Mix(
        {
            "input": [
                {"role": "developer", "content": "Be brief."},
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "What is it?"},
                        {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"},
                    ],
                },
            ],
            "top_logprobs": 1,
            "include": ["message.output_text.logprobs"],
        },
        answer(
            Delta("", logprobs=(token("\ufffd"),)),
            Delta("é", logprobs=(token("é", token("e")),)),
            Delta("!", logprobs=(token("!", token("!")),)),
        ),
    ),
    "results of calls, and a form": Mix(
        {
            "input": [
                {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]},
                {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "a hat"}]},
                {"type": "custom_tool_call", "call_id": "c2", "name": "write", "input": "abc"},
                {"type": "custom_tool_call_output", "call_id": "c2", "output": "done"},
                {"role": "assistant", "content": [{"type": "output_text", "text": "A hat.", "annotations": []}]},
                {"role": "user", "content": "As JSON"},
            ],
            "instructions": "Answer in JSON.",
            "text": {"format": {"type": "json_schema", "name": "it", "schema": {"type": "object"}}, "verbosity": "low"},
            "previous_response_id": "resp_0",
            "truncation": "auto",
        },
        answer(Delta('{"it":'), Delta('"hat"}')),
    ),
    "begun anew": Mix(
        {"input": "Hi", "background": True},
        [events.Started(1, 12), Delta("Good"), Delta(" d"), *answer(Delta("Good"), Delta(" d"), Delta("ay"))],
    ),
}


def job(asks: dict[str, Any]) -> Job:
    """The job of a request, and what it keeps of it."""
    data = loaded(ResponsesSchema, {"model": "m", **asks})
    tools = list(callable_tools(data.get("tools", ())))
    asked = Asked(render.shows(data), tuple(data["input"]), previous=data.get("previous_response_id"))
    return Job(
        id="job_" + "0" * 32,
        owner="anonymous",
        model="m",
        endpoint="/v1/responses",
        payload=ChatRequest((), replay=True),
        created=1_800_000_000_000,
        deadline=1_800_000_060_000,
        lane=Lane.INTERACTIVE,
        keep=60,
        options=RenderOptions(
            custom_tools=tuple(found.name for found in tools if found.tool["type"] == "custom"),
            namespaces={found.name: found.namespace for found in tools if found.namespace is not None},
            response=Response(
                asked,
                stored=True,
                background=data.get("background", False),
                summarised="summary" in data.get("reasoning", {}),
                sealed="reasoning.encrypted_content" in data.get("include", ()),
            ),
        ),
    )


def asked(of: Job) -> Asked:
    found = of.options.response and of.options.response.asked
    assert found is not None
    return found


def streamed(of: Job, told: list[Event], after: int = -1) -> list[dict[str, Any]]:
    """The events as a client decodes them."""
    stream = Stream(of, asked(of), after)
    found = [*stream.opening(), *stream.of(told)]
    return [msgspec.json.decode(msgspec.json.encode(event)) for event in found]


def whole(of: Job, told: list[Event]) -> dict[str, Any]:
    """The body as a client decodes it, of a job that has ended so."""
    last = told[-1]
    if isinstance(last, events.Done):
        result = results.fold(of.payload, told)
        assert isinstance(result, results.TextResult)
        kept = results.decode(results.encode(result))
        assert isinstance(kept, results.TextResult)
        body = render.completed(of, asked(of), kept, last.at)
    else:
        body = render.ended(of, asked(of), STATUS[type(last)], failure(of, last))
    return dict(msgspec.json.decode(msgspec.json.encode(body)))


def shown(mix: Mix) -> dict[str, Any]:
    """All that a client is told of one."""
    of = job(mix.asks)
    return {"input": items.listed(of, asked(of)), "events": streamed(of, mix.told), "body": whole(of, mix.told)}


def file(name: str) -> Path:
    return FILES / f"{name.replace(', ', '-').replace(' ', '-')}.json"


def main() -> None:
    """Write all files anew."""
    FILES.mkdir(exist_ok=True)
    for name, mix in MIXES.items():
        told = msgspec.json.format(msgspec.json.encode(shown(mix)), indent=1)
        file(name).write_bytes(told + b"\n")


if __name__ == "__main__":
    main()
