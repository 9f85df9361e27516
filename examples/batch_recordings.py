"""A batch of transcriptions: a line names an uploaded recording."""

import json
import os
import time

from openai import OpenAI

URL = os.environ.get("MLXQ_URL", "http://127.0.0.1:8000")
client = OpenAI(base_url=f"{URL}/v1", api_key="none")

with open("speech.wav", "rb") as file:
    recording = client.files.create(file=file, purpose="user_data")
url = "/v1/audio/transcriptions"
body = {"model": "whisper-tiny.en", "file": recording.id}
line = json.dumps({"custom_id": "austen", "method": "POST", "url": url, "body": body})
requests = client.files.create(file=("recordings.jsonl", line.encode()), purpose="batch")
batch = client.batches.create(input_file_id=requests.id, endpoint=url, completion_window="24h")
while batch.status not in ("completed", "failed", "expired", "cancelled"):
    time.sleep(0.5)
    batch = client.batches.retrieve(batch.id)
print(client.files.content(batch.output_file_id).text)
