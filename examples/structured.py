"""An answer that is a value of a Pydantic class."""

import os
from typing import Literal

from openai import OpenAI
from pydantic import BaseModel, Field

URL = os.environ.get("MLXQ_URL", "http://127.0.0.1:8000")
client = OpenAI(base_url=f"{URL}/v1", api_key="none")


class City(BaseModel):
    name: str = Field(max_length=20)
    size: Literal["small", "large"]


answer = client.chat.completions.parse(
    model="smollm2-135m-instruct",
    messages=[{"role": "user", "content": "Tell me of the capital of France."}],
    response_format=City,
    temperature=0,
    max_tokens=80,
)
print(answer.choices[0].message.parsed)
