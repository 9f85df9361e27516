"""OpenAI's `parse()` and `stream()`: what they send is understood, and what is rendered is what they understand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel

from tasks.values import events, results
from tasks.values.events import CallDelta, Delta, Event
from tasks.values.job import Job
from tasks.values.requests import ChatRequest, Constraint, ToolChoice
from tests.workers.engines import rows
from web.api.text.chat import ENDPOINT
from web.http.wire import sse
from web.render.text import chat as render

USER: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hi"}]


class City(BaseModel):
    """A city."""

    name: str
    inhabitants: int | None


CITY = City(name="Zürich", inhabitants=None)
SAID: list[Event] = [
    events.Started(1, 3),
    Delta("", reasoning="hm"),
    Delta('{"name": "Zü'),
    Delta('rich", "inhabitants": null}'),
    Delta("", finish_reason="stop"),
    events.Done(events.Usage(3, 9, reasoning_tokens=1)),
]
CALLED: list[Event] = [
    events.Started(1, 3),
    Delta("", calls=(CallDelta(0, "call_1", "City"), CallDelta(0, arguments='{"name": "Zü'))),
    Delta("", calls=(CallDelta(0, arguments='rich", "inhabitants": null}'),)),
    Delta("", calls=(CallDelta(1, "call_2", "City"), CallDelta(1, arguments='{"name": "Bern", "inhabitants": 5}'))),
    Delta("", finish_reason="tool_calls"),
    events.Done(events.Usage(3, 9)),
]


@dataclass
class Edge:
    """Everything of a chat but the queue and the engine: a checked body, and these events rendered."""

    heard: list[Event]
    asked: list[ChatRequest] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        data = ENDPOINT.schema().load(msgspec.json.decode(request.content))
        payload = ENDPOINT.payload(data)
        assert isinstance(payload, ChatRequest)
        self.asked.append(payload)
        job = rows.job(payload)
        return self._streamed(job) if data.get("stream") else self._whole(job)

    def _whole(self, job: Job) -> httpx.Response:
        rendered = render.body(job, results.fold(job.payload, self.heard))
        return httpx.Response(200, content=rendered.data, headers={"Content-Type": rendered.content_type})

    def _streamed(self, job: Job) -> httpx.Response:
        chunks = render.chunks(job)
        frames = [sse.data(chunk) for event in self.heard for chunk in chunks(event)]
        return httpx.Response(200, content=b"".join([*frames, sse.DONE]), headers={"Content-Type": sse.MIMETYPE})


def client(edge: Edge) -> openai.OpenAI:
    transport = httpx.MockTransport(edge)
    return openai.OpenAI(api_key="none", base_url="http://edge/v1", http_client=httpx.Client(transport=transport))


def parsed(edge: Edge, **more: Any) -> Any:
    return client(edge).chat.completions.parse(model="m", messages=USER, **more)


def streamed(edge: Edge, **more: Any) -> Any:
    with client(edge).chat.completions.stream(model="m", messages=USER, **more) as stream:
        return stream.get_final_completion()


EITHER = pytest.mark.parametrize("ask", [parsed, streamed])


@EITHER
def test_an_answer_is_a_pydantic_value(ask: Callable[..., Any]) -> None:
    edge = Edge(SAID)
    answer = ask(edge, response_format=City)
    message = answer.choices[0].message
    assert (message.parsed, message.reasoning_content, message.tool_calls) == (CITY, "hm", None)
    constraint = edge.asked[0].constraint
    assert constraint is not None and constraint.param == "response_format.json_schema.schema"
    schema = msgspec.json.decode(constraint.source)
    assert list(schema["properties"]) == ["name", "inhabitants"] and schema["additionalProperties"] is False


@EITHER
def test_calls_are_pydantic_values(ask: Callable[..., Any]) -> None:
    edge = Edge(CALLED)
    tools = [openai.pydantic_function_tool(City)]
    message = ask(edge, tools=tools, tool_choice="required", parallel_tool_calls=True).choices[0].message
    assert message.content is None
    assert [call.function.parsed_arguments for call in message.tool_calls] == [CITY, City(name="Bern", inhabitants=5)]
    (tool,) = edge.asked[0].tools
    assert (tool.name, tool.description, tool.strict) == ("City", "A city.", True)
    assert edge.asked[0].tool_choice == ToolChoice("required")


@EITHER
def test_what_was_answered_can_be_sent_back(ask: Callable[..., Any]) -> None:
    edge = Edge(CALLED)
    message = ask(edge, tools=[openai.pydantic_function_tool(City)]).choices[0].message
    outputs = [{"role": "tool", "tool_call_id": call.id, "content": "ok"} for call in message.tool_calls]
    for back in (message, message.model_dump(mode="json")):
        client(edge).chat.completions.create(model="m", messages=[*USER, back, *outputs])
        turn = edge.asked[-1].messages[1]
        assert [(call.id, call.name) for call in turn.calls] == [("call_1", "City"), ("call_2", "City")]
        assert [turn.call_id for turn in edge.asked[-1].messages[2:]] == ["call_1", "call_2"]


def test_a_stream_s_events_are_those_of_calls_and_content() -> None:
    with client(Edge(CALLED)).chat.completions.stream(
        model="m", messages=USER, tools=[openai.pydantic_function_tool(City)]
    ) as stream:
        done = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
    assert [(event.index, event.name, event.parsed_arguments) for event in done] == [
        (0, "City", CITY),
        (1, "City", City(name="Bern", inhabitants=5)),
    ]
    with client(Edge(SAID)).chat.completions.stream(model="m", messages=USER, response_format=City) as stream:
        (content,) = [event for event in stream if event.type == "content.done"]
    assert content.parsed == CITY


def test_an_answer_that_was_cut_off_is_the_sdk_s_own_error() -> None:
    heard: list[Event] = [events.Started(1), Delta('{"name"', finish_reason="length"), events.Done()]
    for ask in (parsed, streamed):
        with pytest.raises(openai.LengthFinishReasonError):
            ask(Edge(heard), response_format=City)


def test_other_constraints_come_as_extra_fields() -> None:
    edge = Edge(SAID)
    client(edge).chat.completions.create(
        model="m", messages=USER, extra_body={"guided_choice": ["a", "b"], "thinking_budget": 5}
    )
    assert edge.asked[0].constraint == Constraint("choice", '["a","b"]', "guided_choice")
    assert edge.asked[0].thinking_budget == 5
