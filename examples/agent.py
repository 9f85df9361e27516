"""An agent: the model calls tools until it answers, at most a few rounds."""

import json
import os

from openai import OpenAI

URL = os.environ.get("MLXQ_URL", "http://127.0.0.1:8000")
client = OpenAI(base_url=f"{URL}/v1", api_key="none")
STOCK = {"apples": 12, "pears": 0}


def count(fruit):
    """How many pieces of a fruit are in stock."""
    return {"fruit": fruit, "pieces": STOCK[fruit]}


def order(fruit, pieces):
    """Order more of a fruit."""
    STOCK[fruit] += pieces
    return {"fruit": fruit, "ordered": pieces}


FRUIT = {"enum": list(STOCK)}
PIECES = {"type": "integer", "minimum": 1, "maximum": 99}
TOOLS = {
    "count": (count, {"fruit": FRUIT}),
    "order": (order, {"fruit": FRUIT, "pieces": PIECES}),
}
SCHEMAS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": function.__doc__,
            "parameters": {"type": "object", "properties": arguments, "required": list(arguments)},
        },
    }
    for name, (function, arguments) in TOOLS.items()
]


def run(question, rounds=3):
    """Let the model call tools until it answers; it has to begin with a call, and to answer in the last round."""
    messages = [{"role": "user", "content": question}]
    for number in range(rounds):
        choice = "required" if number == 0 else "auto" if number < rounds - 1 else "none"
        answer = client.chat.completions.create(
            model="smollm2-135m-instruct",
            messages=messages,
            tools=SCHEMAS,
            tool_choice=choice,
            temperature=0,
            max_tokens=80,
        )
        message = answer.choices[0].message
        messages.append(message)
        if not message.tool_calls:
            return message.content
        for call in message.tool_calls:
            function, _ = TOOLS[call.function.name]
            result = function(**json.loads(call.function.arguments))
            print(call.function.name, call.function.arguments, "->", json.dumps(result))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": json.dumps(result)})
    return "no answer in time"


print("answer:", run("How many apples do we have?"))
