"""A chat as a job: submit it, poll it, fetch its result."""

import os
import time

import httpx

URL = os.environ.get("MLXQ_URL", "http://127.0.0.1:8000")
http = httpx.Client(base_url=URL)

job = http.post(
    "/v1/jobs",
    json={
        "url": "/v1/chat/completions",
        "body": {
            "model": "smollm2-135m-instruct",
            "messages": [{"role": "user", "content": "Say hello."}],
            "max_tokens": 40,
        },
        "metadata": {"batch": "greetings"},
    },
    headers={"Idempotency-Key": "greeting-1"},
).json()
while job["status"] in ("queued", "running"):
    time.sleep(0.2)
    job = http.get(f"/v1/jobs/{job['id']}").json()
print(job["status"], http.get(f"/v1/jobs/{job['id']}/result").json()["choices"][0]["finish_reason"])
