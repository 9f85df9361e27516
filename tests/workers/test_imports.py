"""What a process of the stack need not import, it does not: a start takes as long as what is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.servers import ROOT

HEAVY = {
    "PIL", "av", "cv2", "huggingface_hub", "llguidance", "mflux", "mlx", "mlx_lm", "mlx_vlm", "mlx_whisper", "numba",
    "numpy", "pandas", "pyarrow", "scipy", "sentencepiece", "tokenizers", "torch", "transformers",
}  # fmt: skip
# What is no text model's: the libraries of the other kinds, and what they bring along.
OTHERS = {"av", "cv2", "mflux", "mlx_vlm", "mlx_whisper", "numba", "pandas", "pyarrow", "scipy", "torch"}


# What formats records as we do not print them.
UNUSED = {"rich", "pygments"}
# What only those use who call out, and who write or read messages.
CALLS, MESSAGES = {"httpx", "httpcore"}, {"celery", "kombu"}
LEAN = HEAVY | UNUSED | CALLS


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        *((module, LEAN | MESSAGES) for module in ("web.http.wire.server", "web.application", "web.batches.__main__")),
        ("mlxq.cli.commands.launch", HEAVY),
        ("workers.redis_server", LEAN | MESSAGES),
        ("workers.__main__", LEAN | MESSAGES | {"redis"}),
        ("workers.supervision.supervisor", LEAN | MESSAGES),
        ("workers.worker", LEAN | MESSAGES),
        ("workers.engines.lm", OTHERS | UNUSED),
    ],
)
def test_a_process_imports_none_of_what_it_has_no_use_for(module: str, heavy: set[str]) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not heavy & {name.partition(".")[0] for name in done.stdout.split()}
