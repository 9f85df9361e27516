"""The local stack as a user starts it."""

from __future__ import annotations

import sys
from pathlib import Path

import httpx
import pytest
import yaml

from tests.support.servers import PATIENCE, Process, eventually, fake, free_port


class Local:
    """`honcho start` or `mlxq launch` with a home of its own."""

    def __init__(self, folder: Path, words: list[str], **env: str) -> None:
        self.port, self.config = free_port(), folder / "models.yaml"
        self.config.write_text(yaml.safe_dump({"models": [fake(step_ms=50)]}))
        self.words = words
        binaries = Path(sys.executable).parent
        self.env = {
            "PATH": f"{binaries}:/usr/bin:/bin",
            "HOME": str(folder),
            "MLXQ_HOME": str(folder / "var"),
            **{name: value.format(port=self.port, config=self.config) for name, value in env.items()},
        }
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=PATIENCE)

    def run(self, shows: bool = True, **env: str) -> Process:
        words = [word.format(port=self.port, config=self.config) for word in self.words]
        return Process([sys.executable, "-m", *words], {**self.env, **env}, shows)

    def start(self) -> Process:
        # honcho 2.0 hangs when a signal finds it amid a line that it writes to a pipe, so nothing is read from it.
        process = self.run(shows=False)
        eventually(self.ready, every=0.1)
        return process

    def ready(self) -> bool:
        try:
            return self.http.get("/ready").status_code == 200
        except httpx.TransportError:
            return False

    def submit(self, tokens: int) -> str:
        body = {"model": "fake", "messages": [{"role": "user", "content": "word"}], "max_tokens": tokens}
        return str(self.http.post("/v1/jobs", json={"url": "/v1/chat/completions", "body": body}).json()["id"])

    def status(self, job: str) -> str:
        return str(self.http.get(f"/v1/jobs/{job}").json()["status"])


LOCALS = [
    pytest.param(["honcho", "start"], {"MLXQ_CONFIG": "{config}", "PORT": "{port}"}, id="honcho"),
    pytest.param(["mlxq.cli", "launch", "--config", "{config}", "--port", "{port}"], {}, id="launch"),
]
