"""Retrieval-augmented generation: find the passage that fits a question, and answer with it."""

import os

from openai import OpenAI

URL = os.environ.get("MLXQ_URL", "http://127.0.0.1:8000")
client = OpenAI(base_url=f"{URL}/v1", api_key="none")

PASSAGES = [
    "The museum is closed on Mondays. On other days it opens at ten.",
    "Tickets cost nine euros. Children under twelve pay nothing.",
    "The café on the second floor serves soup and cake until five.",
]


def embed(texts):
    """One vector of length 1 for each text."""
    return [item.embedding for item in client.embeddings.create(model="all-minilm-l6-v2", input=texts).data]


def similarity(a, b):
    """The cosine of the angle between two vectors of length 1."""
    return sum(x * y for x, y in zip(a, b, strict=True))


question = "What do I pay for a ticket?"
vectors = embed(PASSAGES)
(asked,) = embed([question])
best = max(range(len(PASSAGES)), key=lambda i: similarity(asked, vectors[i]))
print("found:", PASSAGES[best])

answer = client.chat.completions.create(
    model="smollm2-135m-instruct",
    messages=[
        {"role": "system", "content": f"Answer from this text only: {PASSAGES[best]}"},
        {"role": "user", "content": question},
    ],
    temperature=0,
    max_tokens=40,
)
print("answer:", answer.choices[0].message.content)
