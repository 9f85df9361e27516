"""`python -m tests.contract PYTHON`: suites that others wrote, run by that Python against the starter models."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import yaml

from bench.stacks import served
from tests import starter
from tests.servers import ROOT

SUITES = Path(__file__).parent / "suites"
# Those of examples/ that need a library which nothing else here does.
EXAMPLES = ("langchain_rag.py", "instructor_answer.py")
CHAT = "smollm2-135m-instruct"
# Their own settings, not those of this project's pytest.
PYTEST = ("--config-file", os.devnull, "--rootdir", str(SUITES), "--confcutdir", str(SUITES), "-p", "no:cacheprovider")
# Without pictures, which the model does not see, and summaries of thoughts, which it does not have.
COMPLY = (
    "chat-basic-response", "chat-system-prompt", "chat-multi-turn", "chat-tool-calling", "chat-streaming-response",
    "chat-streaming-usage", "chat-error-handling",
)  # fmt: skip
ASYNCIO = ("asyncio_mode=auto", "asyncio_default_test_loop_scope=session")  # a client is one for all tests


def main(python: str) -> int:
    """How many suites failed."""
    models = yaml.safe_load((ROOT / "models.yaml").read_text())["models"]
    for model in models:
        starter.folder(model["served_model_name"])
    with served(models) as stack:
        pytest = [python, "-m", "pytest", "-q", "-rxf", *PYTEST, *(f"--override-ini={option}" for option in ASYNCIO)]
        comply = [
            str(Path(python).parent / "llm-comply"),
            "run",
            "--format",
            "openai-chat",
            "--api-key",
            "none",
            "--filter",
            ",".join(COMPLY),
        ]
        suites = (
            [*pytest, str(SUITES / "langchain.py")],
            [*comply, "--base-url", f"{stack.url}/v1", "--model", CHAT],
            *([python, str(ROOT / "examples" / name)] for name in EXAMPLES),
        )
        env = {**os.environ, "MLXQ_URL": stack.url}
        return sum(subprocess.run(suite, env=env, cwd=SUITES, check=False).returncode != 0 for suite in suites)


if __name__ == "__main__":
    sys.exit(main(str(Path(sys.argv[1]).absolute())))
