"""Reranking: which of the passages that a search found answers the question best."""

import os

import httpx

URL = os.environ.get("MLXQ_URL", "http://127.0.0.1:8000")

PASSAGES = [
    "The museum is closed on Mondays. On other days it opens at ten.",
    "Tickets cost nine euros. Children under twelve pay nothing.",
    "The café on the second floor serves soup and cake until five.",
]

answer = httpx.post(
    f"{URL}/v1/rerank",
    json={
        "model": "bge-reranker-v2-m3",
        "query": "What do I pay for a ticket?",
        "documents": PASSAGES,
        "top_n": 2,
    },
    timeout=600,
)
answer.raise_for_status()
for result in answer.json()["results"]:
    print(f"{result['relevance_score']:.3f} {result['document']['text']}")
