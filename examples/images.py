"""Make an image. Needs an image-generation model, here `flux2-klein-4b`."""

import base64
import os
from pathlib import Path

from openai import OpenAI

URL = os.environ.get("MLXQ_URL", "http://127.0.0.1:8000")
client = OpenAI(base_url=f"{URL}/v1", api_key="none")

made = client.images.generate(
    model="flux2-klein-4b", prompt="a lighthouse at dusk", size="512x512", extra_body={"seed": 7}
)
Path("lighthouse.png").write_bytes(base64.b64decode(made.data[0].b64_json))
print("lighthouse.png is made")
