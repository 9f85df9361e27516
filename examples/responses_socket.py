"""Two responses on one websocket, of which the second goes on from the first, though neither is stored."""

import os

from openai import OpenAI

URL = os.environ.get("MLXQ_URL", "http://127.0.0.1:8000")
client = OpenAI(base_url=f"{URL}/v1", api_key="none")

with client.responses.connect() as connection:
    previous = None
    for question in ("What is the capital of France?", "And of Italy?"):
        connection.response.create(
            model="smollm2-135m-instruct",
            input=question,
            previous_response_id=previous,
            temperature=0,
            max_output_tokens=40,
            store=False,
        )
        for event in connection:
            if event.type == "response.output_text.delta":
                print(event.delta, end="", flush=True)
            elif event.type in ("response.completed", "response.incomplete"):
                previous = event.response.id
                print()
                break
            elif event.type in ("response.failed", "error"):
                raise SystemExit(event)
