"""Tools that Anthropic's SDK runs by itself: a call that has to be made, and the answer that is made of its result."""

import os

from anthropic import Anthropic, beta_tool

client = Anthropic(base_url=os.environ.get("MLXQ_URL", "http://127.0.0.1:8000"), api_key="none")


@beta_tool
def get_weather(city: str) -> str:
    """What the weather is like.

    Args:
        city: The name of the city.
    """
    return f"It is 18 degrees in {city}."


runner = client.beta.messages.tool_runner(
    model="smollm2-135m-instruct",
    messages=[{"role": "user", "content": "What is the weather in Paris?"}],
    tools=[get_weather],
    tool_choice={"type": "any", "disable_parallel_tool_use": True},
    extra_body={"temperature": 0},
    max_tokens=80,
)
for message in runner:
    for block in message.content:
        print(block.name if block.type == "tool_use" else block.text)
    runner.set_messages_params(lambda params: {**params, "tool_choice": {"type": "none"}})
