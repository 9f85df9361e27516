"""Chats that stay: stored with their answer, found again by metadata, and deleted."""

import os

from openai import OpenAI

URL = os.environ.get("MLXQ_URL", "http://127.0.0.1:8000")
client = OpenAI(base_url=f"{URL}/v1", api_key="none")

for country in ("France", "Italy"):
    client.chat.completions.create(
        model="smollm2-135m-instruct",
        messages=[{"role": "user", "content": f"What is the capital of {country}?"}],
        temperature=0,
        max_tokens=20,
        store=True,
        metadata={"topic": "capitals", "country": country},
    )

for stored in client.chat.completions.list(metadata={"topic": "capitals"}, order="desc"):
    (question,) = client.chat.completions.messages.list(stored.id)
    print(question.content, "->", stored.choices[0].message.content)
    client.chat.completions.delete(stored.id)
