"""Embeddings: two paraphrases are closer to each other than to something else."""

import os

from openai import OpenAI

URL = os.environ.get("MLXQ_URL", "http://127.0.0.1:8000")
client = OpenAI(base_url=f"{URL}/v1", api_key="none")

texts = ["The cat sits on the mat.", "A cat is sitting on a rug.", "Stock markets fell sharply today."]
cat, rug, markets = [item.embedding for item in client.embeddings.create(model="all-minilm-l6-v2", input=texts).data]


def similarity(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


print(f"cat and rug {similarity(cat, rug):.2f}, cat and markets {similarity(cat, markets):.2f}")
