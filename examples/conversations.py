"""A conversation that is kept by the server, item by item."""

import os

from openai import OpenAI

URL = os.environ.get("MLXQ_URL", "http://127.0.0.1:8000")
client = OpenAI(base_url=f"{URL}/v1", api_key="none")

conversation = client.conversations.create(
    items=[{"type": "message", "role": "user", "content": "What is the capital of France?"}],
    metadata={"topic": "capitals"},
)
client.conversations.items.create(
    conversation.id, items=[{"type": "message", "role": "assistant", "content": "Paris."}]
)
for item in client.conversations.items.list(conversation.id, order="asc"):
    print(f"{item.role}: {item.content[0].text}")
client.conversations.delete(conversation.id)
