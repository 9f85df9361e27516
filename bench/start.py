"""`python -m bench.start`: seconds from nothing to the first answer, ours and mlx-lm's server, rounds in turn.

The same folder of weights is served by both; "ready" is the first answer of one token, asked for again and again.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx
import yaml
from rich.console import Console
from rich.table import Table

from mlxq.settings import Settings
from tests.servers import Process, eventually, free_port
from workers.model_path import resolve

STARTER = "starter:smollm2-135m-instruct"


def answered(words: list[str], env: dict[str, str], port: int, model: str) -> float:
    """Seconds from the start of a process until it has answered its first request."""
    body = {"model": model, "messages": [{"role": "user", "content": "word"}], "max_tokens": 1}
    began = time.monotonic()
    process = Process(words, env, shows=False)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as http:

            def answers() -> bool:
                try:
                    return http.post("/v1/chat/completions", json=body).status_code == 200
                except httpx.TransportError:
                    return False

            eventually(answers, 120, every=0.05)
            return time.monotonic() - began
    finally:
        process.stop()


def ours(weights: Path, folder: str, env: dict[str, str]) -> float:
    """A stack of its own in this folder."""
    config, port = Path(folder) / "models.yaml", free_port()
    entry = {"model_path": str(weights), "served_model_name": "m", "model_type": "lm"}
    config.write_text(yaml.safe_dump({"models": [entry]}))
    own = {**env, "MLXQ_HOME": f"{folder}/var", "MLXQ_CONFIG": str(config), "PORT": str(port)}
    return answered([sys.executable, "-m", "honcho", "start"], own, port, "m")


def theirs(weights: Path, env: dict[str, str]) -> float:
    """mlx-lm's server."""
    port = free_port()
    words = [sys.executable, "-m", "mlx_lm", "server", "--model", str(weights), "--port", str(port)]
    return answered(words, env, port, str(weights))


def main() -> None:
    """Rounds in turn, medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    weights = resolve(STARTER, Settings.from_env(os.environ).cache)
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    env = {**os.environ, "PATH": path}
    own, other = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            own.append(ours(weights, folder, env))
        other.append(theirs(weights, env))
    table = Table("", "median", "rounds", title="seconds to the first answer")
    for name, found in (("mlxq", own), ("mlx-lm's server", other)):
        table.add_row(name, f"{statistics.median(found):.1f}", " ".join(f"{one:.1f}" for one in found))
    Console().print(table, f"ratio of the medians: {statistics.median(own) / statistics.median(other):.2f}")


if __name__ == "__main__":
    main()
