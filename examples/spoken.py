"""A chat whose answer is spoken, written into a file. Needs a multimodal model that speaks, here `qwen3-omni`."""

import base64
import os

from openai import OpenAI

URL = os.environ.get("MLXQ_URL", "http://127.0.0.1:8000")
client = OpenAI(base_url=f"{URL}/v1", api_key="none")

answer = client.chat.completions.create(
    model="qwen3-omni",
    messages=[{"role": "user", "content": "Tell me something about lighthouses."}],
    modalities=["text", "audio"],
    audio={"voice": "ethan", "format": "wav"},
    max_tokens=64,
)
message = answer.choices[0].message
if message.audio:
    print(message.audio.transcript)
    with open("answer.wav", "wb") as file:
        file.write(base64.b64decode(message.audio.data))
