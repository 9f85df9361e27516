"""A tool call, the tool's result, and the answer that is made of it."""

import json
import os

from openai import OpenAI

URL = os.environ.get("MLXQ_URL", "http://127.0.0.1:8000")
client = OpenAI(base_url=f"{URL}/v1", api_key="none")

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string", "maxLength": 20},
                    "unit": {"enum": ["celsius", "fahrenheit"]},
                },
                "required": ["city", "unit"],
            },
        },
    }
]


def get_weather(city, unit):
    """What your program would look up."""
    return {"city": city, "temperature": 18, "unit": unit}


messages = [{"role": "user", "content": "What is the weather in Paris?"}]
asked = client.chat.completions.create(
    model="smollm2-135m-instruct",
    messages=messages,
    tools=TOOLS,
    tool_choice="required",
    temperature=0,
    max_tokens=80,
)
message = asked.choices[0].message
call = message.tool_calls[0]
print(call.function.name, call.function.arguments)

result = get_weather(**json.loads(call.function.arguments))
messages += [message, {"role": "tool", "tool_call_id": call.id, "content": json.dumps(result)}]
answer = client.chat.completions.create(
    model="smollm2-135m-instruct", messages=messages, tools=TOOLS, tool_choice="none", temperature=0, max_tokens=40
)
print(answer.choices[0].message.content)
