"""A response, and one that goes on from it."""

import os

from openai import OpenAI

URL = os.environ.get("MLXQ_URL", "http://127.0.0.1:8000")
client = OpenAI(base_url=f"{URL}/v1", api_key="none")

first = client.responses.create(
    model="smollm2-135m-instruct",
    input="What is the capital of France?",
    temperature=0,
    max_output_tokens=40,
)
print(first.output_text)

second = client.responses.create(
    model="smollm2-135m-instruct",
    previous_response_id=first.id,
    input="And of Italy?",
    temperature=0,
    max_output_tokens=40,
)
print(client.responses.retrieve(second.id).status)
