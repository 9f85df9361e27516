"""Change an image, with two previews on the way. Needs an image-edit model, here `flux2-klein-edit-4b`."""

import base64
import os
from pathlib import Path

from openai import OpenAI

URL = os.environ.get("MLXQ_URL", "http://127.0.0.1:8000")
client = OpenAI(base_url=f"{URL}/v1", api_key="none")

with open("lighthouse.png", "rb") as picture:
    events = client.images.edit(
        model="flux2-klein-edit-4b", image=picture, prompt="make it winter", stream=True, partial_images=2
    )
    for event in events:
        print(event.type)
        if event.type == "image_edit.completed":
            Path("winter.png").write_bytes(base64.b64decode(event.b64_json))
