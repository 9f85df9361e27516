"""A chat with Anthropic's SDK: a whole answer, and one that is shown while the model writes it."""

import os

from anthropic import Anthropic

client = Anthropic(base_url=os.environ.get("MLXQ_URL", "http://127.0.0.1:8000"), api_key="none")

asked = {
    "model": "smollm2-135m-instruct",
    "system": "You answer questions.",
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
    "extra_body": {"temperature": 0},
    "max_tokens": 40,
}
message = client.messages.create(**asked)
print(message.content[0].text)

with client.messages.stream(**asked) as stream:
    for text in stream.text_stream:
        print(text, end="", flush=True)
print()

counted = client.messages.count_tokens(model=asked["model"], system=asked["system"], messages=asked["messages"])
print(counted.input_tokens, "tokens were read")
