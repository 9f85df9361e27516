"""Speech to text, from speech.wav or the file that is named on the command line."""

import os
import sys

from openai import OpenAI

URL = os.environ.get("MLXQ_URL", "http://127.0.0.1:8000")
client = OpenAI(base_url=f"{URL}/v1", api_key="none")

path = sys.argv[1] if len(sys.argv) > 1 else "speech.wav"
with open(path, "rb") as recording:
    print(client.audio.transcriptions.create(model="whisper-tiny.en", file=recording).text)
