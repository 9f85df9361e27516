"""Many messages with Anthropic's SDK, made as there is room."""

import os
import time

from anthropic import Anthropic

client = Anthropic(base_url=os.environ.get("MLXQ_URL", "http://127.0.0.1:8000"), api_key="none")


def asked(country):
    """One question."""
    question = {"role": "user", "content": f"What is the capital of {country}?"}
    return {"model": "smollm2-135m-instruct", "messages": [question], "max_tokens": 20, "temperature": 0}


countries = ("France", "Italy", "Spain")
batch = client.messages.batches.create(
    requests=[{"custom_id": country, "params": asked(country)} for country in countries]
)
while batch.processing_status != "ended":
    time.sleep(0.5)
    batch = client.messages.batches.retrieve(batch.id)

for line in client.messages.batches.results(batch.id):
    print(line.custom_id, line.result.message.content[0].text)
