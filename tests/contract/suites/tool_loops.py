"""Agents that speak the Responses API: a loop of two turns, with a tool that the model has to call first."""

from __future__ import annotations

import os
from typing import Any, Literal

import pytest

URL = f"{os.environ['MLXQ_URL']}/v1"
CHAT = "smollm2-135m-instruct"
ASKED = "What is the weather in Paris?"
City = Literal["Paris", "Rome"]


@pytest.fixture
def asked() -> list[str]:
    """The cities that the tool was asked about."""
    return []


async def test_openai_s_agents(asked: list[str]) -> None:
    from agents import Agent, ModelSettings, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled
    from openai import AsyncOpenAI

    set_tracing_disabled(True)

    @function_tool
    def weather(city: City) -> str:
        """What the weather is like."""
        asked.append(city)
        return "sunny"

    client = AsyncOpenAI(base_url=URL, api_key="none")
    agent: Any = Agent(
        name="weather",
        instructions="Use the tool.",
        model=OpenAIResponsesModel(CHAT, client),
        model_settings=ModelSettings(tool_choice="required", temperature=0, max_tokens=60),
        tools=[weather],
    )
    for run in (Runner.run, streamed):
        asked.clear()
        result = await run(agent, ASKED)
        assert asked and set(asked) <= {"Paris", "Rome"}
        assert result.final_output and result.last_response_id.startswith("resp_")
        kinds = [item.type for item in result.new_items]
        assert kinds[:2] == ["tool_call_item", "tool_call_output_item"] and kinds[-1] == "message_output_item"


async def streamed(agent: Any, text: str) -> Any:
    from agents import Runner

    result = Runner.run_streamed(agent, text)
    kinds = [event.data.type async for event in result.stream_events() if event.type == "raw_response_event"]
    assert kinds.count("response.created") == 2
    return result


async def test_pydantic_ai() -> None:
    from pydantic_ai.direct import model_request
    from pydantic_ai.messages import ModelRequest, ToolCallPart, ToolReturnPart
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.models.openai import OpenAIResponsesModel
    from pydantic_ai.providers.openai import OpenAIProvider
    from pydantic_ai.tools import ToolDefinition

    model = OpenAIResponsesModel(CHAT, provider=OpenAIProvider(base_url=URL, api_key="none"))
    schema = {"type": "object", "properties": {"city": {"enum": ["Paris", "Rome"]}}, "required": ["city"]}
    weather = ToolDefinition(name="weather", parameters_json_schema=schema, description="What the weather is like.")
    settings: Any = {"temperature": 0, "max_tokens": 60}
    messages: list[Any] = [ModelRequest.user_text_prompt(ASKED)]
    # Where no text is allowed a call is required.
    called = ModelRequestParameters(function_tools=[weather], allow_text_output=False)
    first = await model_request(model, messages, model_settings=settings, model_request_parameters=called)
    (call,) = [part for part in first.parts if isinstance(part, ToolCallPart)]
    assert call.args_as_dict()["city"] in ("Paris", "Rome")
    result = ToolReturnPart(call.tool_name, "sunny", tool_call_id=call.tool_call_id)
    messages += [first, ModelRequest([result])]
    second = await model_request(model, messages, model_settings=settings)
    assert second.text and second.usage.input_tokens > 0


def test_langchain(asked: list[str]) -> None:
    from langchain_core.messages import HumanMessage, ToolMessage
    from langchain_core.tools import tool
    from langchain_openai import ChatOpenAI

    @tool
    def weather(city: City) -> str:
        """What the weather is like."""
        asked.append(city)
        return "sunny"

    chat = ChatOpenAI(
        model=CHAT, base_url=URL, api_key="none", temperature=0, max_tokens=60, use_responses_api=True, timeout=120
    )
    messages: list[Any] = [HumanMessage(ASKED)]
    first = chat.bind_tools([weather], tool_choice="required", parallel_tool_calls=False).invoke(messages)
    (call,) = first.tool_calls
    messages += [first, ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"])]
    second = chat.bind_tools([weather], tool_choice="none").invoke(messages)
    assert asked == [call["args"]["city"]] and second.text
    on = chat.bind_tools([weather], tool_choice="none").invoke(
        messages[2:], previous_response_id=first.response_metadata["id"]
    )
    assert on.text == second.text
    pieces = list(chat.bind_tools([weather], tool_choice="none").stream(messages))
    assert "".join(piece.text for piece in pieces) == second.text
