"""Receive the end of a job: a server that checks the signature, and a job that is told to it.

Start mlxq with a secret, and let it call this machine:

    export MLXQ_WEBHOOK_SECRET=whsec_$(openssl rand -base64 32) MLXQ_WEBHOOK_ALLOW_PRIVATE=1
"""

import os
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
from openai import InvalidWebhookSignatureError, OpenAI

URL = os.environ.get("MLXQ_URL", "http://127.0.0.1:8000")
client = OpenAI(api_key="none", webhook_secret=os.environ["MLXQ_WEBHOOK_SECRET"])


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            event = client.webhooks.unwrap(body, self.headers)
        except InvalidWebhookSignatureError:
            self.send_response(400)
        else:
            print(event.type, event.data.id)
            self.send_response(204)  # any 2xx: delivered
        self.end_headers()

    def log_message(self, *_):
        pass


with HTTPServer(("127.0.0.1", 0), Receiver) as receiver:
    job = httpx.post(
        f"{URL}/v1/jobs",
        json={
            "url": "/v1/embeddings",
            "body": {"model": "all-minilm-l6-v2", "input": "one"},
            "webhook": {"url": f"http://127.0.0.1:{receiver.server_port}/", "events": ["job.succeeded"]},
        },
    )
    job.raise_for_status()
    receiver.handle_request()  # waits for one delivery
