"""Follow two jobs on one websocket."""

import json
import os

import httpx
from simple_websocket import Client

URL = os.environ.get("MLXQ_URL", "http://127.0.0.1:8000")

call = {"model": "smollm2-135m-instruct", "max_tokens": 20, "temperature": 0}
jobs = [
    httpx.post(
        f"{URL}/v1/jobs",
        json={
            "url": "/v1/chat/completions",
            "body": {**call, "messages": [{"role": "user", "content": f"Say {word}."}]},
        },
    ).json()["id"]
    for word in ("hello", "goodbye")
]
ws = Client(URL.replace("http", "ws", 1) + "/v1/jobs/stream")
for job in jobs:
    ws.send(json.dumps({"type": "subscribe", "id": job}))
while jobs:
    message = json.loads(ws.receive())
    if message["type"] == "event" and message["event"]["type"] == "delta":
        print(message["id"][-4:], message["event_id"], message["event"]["text"])
    elif message["type"] == "end":
        jobs.remove(message["id"])
ws.close()
