"""instructor: an answer as a value of a Pydantic class, checked by the class and asked for again where it is wrong."""

import os

import instructor
from openai import OpenAI
from pydantic import BaseModel, Field

URL = os.environ.get("MLXQ_URL", "http://127.0.0.1:8000")
client = instructor.from_openai(OpenAI(base_url=f"{URL}/v1", api_key="none"))


class City(BaseModel):
    name: str = Field(max_length=20)
    large: bool


city = client.chat.completions.create(
    model="smollm2-135m-instruct",
    messages=[{"role": "user", "content": "Tell me of the capital of France."}],
    response_model=City,
    max_retries=2,
    temperature=0,
    max_tokens=80,
)
print(type(city).__name__, city)
