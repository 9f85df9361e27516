"""Three chats in a file, run as one batch."""

import json
import os
import time

from openai import OpenAI

URL = os.environ.get("MLXQ_URL", "http://127.0.0.1:8000")
client = OpenAI(base_url=f"{URL}/v1", api_key="none")

with open("requests.jsonl", "w") as file:
    for country in ("France", "Italy", "Spain"):
        question = {"role": "user", "content": f"What is the capital of {country}?"}
        body = {"model": "smollm2-135m-instruct", "messages": [question], "max_tokens": 20}
        line = {"custom_id": country, "method": "POST", "url": "/v1/chat/completions", "body": body}
        file.write(json.dumps(line) + "\n")

with open("requests.jsonl", "rb") as file:
    requests = client.files.create(file=file, purpose="batch")
batch = client.batches.create(input_file_id=requests.id, endpoint="/v1/chat/completions", completion_window="24h")
while batch.status not in ("completed", "failed", "expired", "cancelled"):
    time.sleep(0.5)
    batch = client.batches.retrieve(batch.id)

for line in client.files.content(batch.output_file_id).text.splitlines():
    answer = json.loads(line)
    print(answer["custom_id"], answer["response"]["body"]["choices"][0]["message"]["content"])
