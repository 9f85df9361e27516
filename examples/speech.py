"""Text to speech, written into a file while it is made. Needs a model that speaks, here `kokoro`."""

import os

from openai import OpenAI

URL = os.environ.get("MLXQ_URL", "http://127.0.0.1:8000")
client = OpenAI(base_url=f"{URL}/v1", api_key="none")

with client.audio.speech.with_streaming_response.create(
    model="kokoro", voice="af_heart", input="It was a bright cold day in April.", response_format="wav"
) as response:
    response.stream_to_file("speech.wav")
print("speech.wav is spoken")
