"""A chat about the picture that is named on the command line. Needs a multimodal model, here `qwen3-vl`."""

import base64
import os
import sys
from pathlib import Path

from openai import OpenAI

URL = os.environ.get("MLXQ_URL", "http://127.0.0.1:8000")
client = OpenAI(base_url=f"{URL}/v1", api_key="none")

path = sys.argv[1] if len(sys.argv) > 1 else "lighthouse.png"
picture = "data:image/png;base64," + base64.b64encode(Path(path).read_bytes()).decode()
answer = client.chat.completions.create(
    model="qwen3-vl",
    messages=[
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is in this picture?"},
                {"type": "image_url", "image_url": {"url": picture}},
            ],
        }
    ],
    max_tokens=60,
)
print(answer.choices[0].finish_reason, answer.choices[0].message.content)
