"""Other people's servers, each in an environment of its own below `.peers`, which `make peers` makes.

Those that compute with MLX get the very BLAS library that ours loads, put in front of MLX's own by LD_PRELOAD, and
all get the same number of threads. They listen on this machine only, and reach no hub.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import httpx

from bench.report import weights
from bench.report.chats import Server
from bench.report.plan import Absent
from bench.stacks import READY
from tests.support.servers import ROOT, Process, eventually, free_port
from workers import blas
from workers.starter.index import FetchError

PEERS = ROOT / ".peers"
STOPPED = 20.0  # seconds that a server may take to end when it is asked to


@dataclass(frozen=True)
class Peer:
    """How a server is started: words after its environment's Python, with `{model}` and `{port}` to be filled in."""

    name: str
    environment: str
    package: str
    words: tuple[str, ...]
    path: Callable[[], Path]
    served_as: str = "{model}"
    mlx: bool = True
    lacks: Sequence[str] = ("guided",)
    embeddings: str = "/v1/embeddings"
    env: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return PEERS / self.environment / "bin" / "python"

    @property
    def version(self) -> str | None:
        """The installed version of its package, None where it is not installed."""
        if not (PEERS / self.environment / ".installed").exists():
            return None
        places = [str(path) for path in (PEERS / self.environment).glob("lib/python3*/site-packages")]
        found = next(iter(metadata.distributions(name=self.package, path=places)), None)
        return None if found is None else found.version

    @contextmanager
    def started(self, embeds: bool = False) -> Iterator[Server]:
        """The server, once it has answered; raises Absent when it is not installed or does not start."""
        process, server = self.launch()
        try:
            body = {"model": server.model, **(_TEXT if embeds else _CHAT)}
            path = self.embeddings if embeds else "/v1/chat/completions"
            with httpx.Client(base_url=server.url, timeout=READY) as http:

                def answers() -> bool:
                    if process.ended():
                        raise Absent(f"it does not start here: {_last(process)}")
                    try:
                        return http.post(path, json=body).status_code == 200
                    except httpx.TransportError:
                        return False

                try:
                    eventually(answers, READY, every=0.05)
                except AssertionError:
                    raise Absent(f"it does not answer: {_last(process)}") from None
            yield server
        finally:
            end(process)

    def launch(self) -> tuple[Process, Server]:
        """Start it and return at once; raises Absent when it is not installed."""
        if self.version is None:
            raise Absent(f"not installed (make peers; {self.environment})")
        try:
            port, model = free_port(), str(self.path())
        except FetchError as error:
            raise Absent(f"its weights cannot be had: {error}") from error
        words = [word.format(model=model, port=port) for word in self.words]
        process = Process([str(self.python), *words], self._env(), shows=True)
        name = self.served_as.format(model=model)
        return process, Server(self.name, f"http://127.0.0.1:{port}", name, process.pid, self.lacks, self.embeddings)

    def _env(self) -> dict[str, str]:
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        # PYTHONSAFEPATH: the working directory holds packages of ours that are named as some of theirs.
        env |= {"PYTHONSAFEPATH": "1", "HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1", **self.env}
        library = same_blas()
        if threads := env.get("OPENBLAS_NUM_THREADS"):
            env |= {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        if self.mlx and library:
            env["LD_PRELOAD"] = library
        return env


_CHAT = {"messages": [{"role": "user", "content": "word"}], "max_tokens": 1}
_TEXT = {"input": "word"}


def end(process: Process) -> None:
    """End a server that may not listen."""
    with suppress(subprocess.TimeoutExpired):
        process.stop(STOPPED)


def _last(process: Process) -> str:
    return next((line.strip() for line in reversed(process.lines) if line.strip()), "it says nothing")[:200]


def same_blas() -> str:
    """The libraries that our own workers load before MLX, as LD_PRELOAD takes them; empty where they load none."""
    blas.preload()
    return ":".join(library._name for library in blas._loaded)


_HERE = ("--host", "127.0.0.1", "--port", "{port}")
_LAUNCH = ("-m", "app.main", "launch", "--no-log-file", "--log-level", "WARNING", *_HERE)

MLX_LM = Peer(
    "mlx-lm's server",
    "mlx-lm",
    "mlx-lm",
    ("-m", "mlx_lm", "server", "--log-level", "WARNING", *_HERE, "--model", "{model}"),
    lambda: weights.folder(weights.TEXT),
)
MLX_VLM = Peer(
    "mlx-vlm's server",
    "mlx-vlm",
    "mlx-vlm",
    ("-m", "mlx_vlm.server", "--log-level", "WARNING", *_HERE, "--model", "{model}"),
    lambda: weights.folder(weights.TEXT),
    env={"APC_ENABLED": "1"},
    note="with its prefix cache turned on",
)
MLX_OPENAI_SERVER = Peer(
    "mlx-openai-server",
    "mlx-openai-server",
    "mlx-openai-server",
    (*_LAUNCH, "--model-type", "lm", "--served-model-name", "m", "--queue-size", "200", "--model-path", "{model}"),
    lambda: weights.folder(weights.TEXT),
    served_as="m",
    lacks=(),
)
MLX_OPENAI_EMBEDDINGS = Peer(
    "mlx-openai-server",
    "mlx-openai-server",
    "mlx-openai-server",
    (*_LAUNCH, "--model-type", "embeddings", "--served-model-name", "m", "--model-path", "{model}"),
    lambda: weights.folder(weights.VECTORS),
    served_as="m",
)
LLAMA_CPP = Peer(
    "llama.cpp",
    "llama-cpp",
    "xllamacpp",
    (str(Path(__file__).with_name("llama_cpp_server.py")), "{model}", "{port}"),
    weights.gguf,
    served_as="m",
    mlx=False,
    lacks=(),
    note="its own kernels, on the Q4_1 weights that ours are made from",
)
INFINITY = Peer(
    "infinity",
    "infinity",
    "infinity-emb",
    (str(PEERS / "infinity" / "bin" / "infinity_emb"), "v2", *_HERE, "--model-id", "{model}",
     "--served-model-name", "m", "--engine", "torch", "--device", "cpu", "--url-prefix", "/v1"),
    lambda: weights.folder(weights.VECTORS),
    served_as="m",
    mlx=False,
    note="torch, with its own BLAS",
)  # fmt: skip

ALL = (MLX_LM, MLX_VLM, MLX_OPENAI_SERVER, LLAMA_CPP, INFINITY)
