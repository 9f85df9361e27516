"""A response that is made in the background, and followed by two connections."""

import os

from openai import OpenAI

URL = os.environ.get("MLXQ_URL", "http://127.0.0.1:8000")
client = OpenAI(base_url=f"{URL}/v1", api_key="none")

stream = client.responses.create(
    model="smollm2-135m-instruct",
    input="Tell me a story.",
    max_output_tokens=60,
    background=True,
    stream=True,
)
text, last, response_id = "", 0, ""
for event in stream:
    last = event.sequence_number
    if event.type == "response.created":
        response_id = event.response.id
    if event.type == "response.output_text.delta":
        text += event.delta
    if last == 10:  # the connection is lost here, the response is not
        stream.close()
        break

for event in client.responses.retrieve(response_id, stream=True, starting_after=last):
    if event.type == "response.output_text.delta":
        text += event.delta

print(text == client.responses.retrieve(response_id).output_text)
