"""Continue two texts, without a chat template."""

import os

from openai import OpenAI

URL = os.environ.get("MLXQ_URL", "http://127.0.0.1:8000")
client = OpenAI(base_url=f"{URL}/v1", api_key="none")

answers = client.completions.create(
    model="smollm2-135m-instruct",
    prompt=["The capital of France is", "The capital of Italy is"],
    temperature=0,
    max_tokens=4,
    echo=True,
)
for choice in answers.choices:
    print(choice.text)
