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
CHAT = "smollm2-135m-instruct"
# Their own settings, not those of this project's pytest.
PYTEST = ("--config-file", os.devnull, "--rootdir", str(SUITES), "--confcutdir", str(SUITES), "-p", "no:cacheprovider")


def main(python: str) -> int:
    """How many suites failed."""
    models = yaml.safe_load((ROOT / "models.yaml").read_text())["models"]
    for model in models:
        starter.folder(model["served_model_name"])
    with served(models) as stack:
        pytest = [python, "-m", "pytest", "-q", "-rxf", *PYTEST, "--override-ini", "asyncio_mode=auto"]
        comply = [str(Path(python).parent / "llm-comply"), "run", "--format", "openai-chat", "--api-key", "none"]
        suites = (
            [*pytest, str(SUITES / "langchain.py")],
            [*comply, "--base-url", f"{stack.url}/v1", "--model", CHAT],
        )
        env = {**os.environ, "MLXQ_URL": stack.url}
        return sum(subprocess.run(suite, env=env, cwd=SUITES, check=False).returncode != 0 for suite in suites)


if __name__ == "__main__":
    sys.exit(main(str(Path(sys.argv[1]).absolute())))
