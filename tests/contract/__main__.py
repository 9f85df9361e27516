"""`python -m tests.contract CONTRACT [SUITE…]`: suites that others wrote, against the starter models.

CONTRACT is the folder that `make contract` fills: an environment of Python, the source of OpenAI's SDK with its tests,
and packages of npm where there is one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

from bench.stacks import served
from tests.support import starter
from tests.support.servers import ROOT, fake

SUITES = Path(__file__).parent / "suites"
# Those of examples/ that need a library which nothing else here does.
EXAMPLES = ("langchain_rag.py", "instructor_answer.py")
CHAT = "smollm2-135m-instruct"
# Without pictures, which the model does not see, and summaries of thoughts, which it does not have.
COMPLY = (
    "chat-basic-response", "chat-system-prompt", "chat-multi-turn", "chat-tool-calling", "chat-streaming-response",
    "chat-streaming-usage", "chat-error-handling",
)  # fmt: skip
# Without pictures, which the model does not see, and a summary of thinking, which it does not do.
RESPONSES = (
    "basic-response", "system-prompt", "multi-turn", "tool-calling", "streaming-response", "streaming-usage",
    "assistant-phase", "response-output-phase-schema", "compact-response", "compact-missing-model", "error-handling",
)  # fmt: skip
# OpenAI's tests of its SDK, for what is served here, and the names by which they call models.
RESOURCES = (
    "chat", "conversations", "responses", "test_batches.py", "test_conversations.py", "test_embeddings.py",
    "test_files.py", "test_models.py", "test_responses.py",
)  # fmt: skip
ALIASES = ("gpt-3.5-turbo-instruct", "text-embedding-3-small", "gpt-4o")
COUNTING = {**fake("gpt-6-astra", step_ms=1), "aliases": ALIASES}
# A client is one for all tests.
ASYNCIO = ("asyncio_mode=auto", "asyncio_default_test_loop_scope=session")


class Suite(NamedTuple):
    """A command, and the folder in which it is run."""

    command: Sequence[str | Path]
    folder: Path


def suites(contract: Path, url: str) -> Mapping[str, Suite]:
    """The suites by their names; that of npm's packages where they could be had."""
    python, node, sdk = contract / "bin" / "python", contract / "node", contract / "openai"
    # Their own settings, not those of this project's pytest.
    pytest: list[str | Path] = [
        python,
        "-m",
        "pytest",
        "-q",
        "-rxf",
        "--config-file",
        os.devnull,
        "-p",
        "no:cacheprovider",
    ]
    pytest += [f"--override-ini={option}" for option in ASYNCIO]
    resources = [f"tests/api_resources/{name}" for name in RESOURCES]
    openai_sdk = Suite([*pytest, "-p", "openai_sdk", "--rootdir", sdk, *resources], sdk)
    pytest += ["--rootdir", SUITES, "--confcutdir", SUITES]
    comply: list[str | Path] = [contract / "bin" / "llm-comply", "run", "--timeout", "600", "--api-key", "none"]
    comply += ["--base-url", f"{url}/v1", "--model", CHAT]
    found = {
        "langchain": Suite([*pytest, SUITES / "langchain.py"], SUITES),
        "tool_loops": Suite([*pytest, SUITES / "tool_loops.py"], SUITES),
        "openai_sdk": openai_sdk,
        "comply": Suite([*comply, "--format", "openai-chat", "--filter", ",".join(COMPLY)], SUITES),
        "responses": Suite([*comply, "--format", "open-responses", "--filter", ",".join(RESPONSES)], SUITES),
        **{Path(name).stem: Suite([python, ROOT / "examples" / name], SUITES) for name in EXAMPLES},
    }
    if (node / "node_modules").exists():  # from where node looks for packages
        found["ai_sdk"] = Suite(["node", "--test", shutil.copy(SUITES / "ai_sdk.test.mjs", node)], node)
        for name in ("anthropic", "openai"):
            found[name] = Suite(["node", shutil.copy(SUITES / f"{name}.cjs", node)], node)
    return found


def main(contract: Path, names: Sequence[str]) -> int:
    """How many suites failed."""
    models = yaml.safe_load((ROOT / "models.yaml").read_text())["models"]
    for model in models:
        starter.folder(model["served_model_name"])
    os.environ.setdefault("MLXQ_DEFAULT_TEMPERATURE", "0")  # it says the same every time, and comes to an end
    with served([*models, COUNTING]) as stack:
        env = {**os.environ, "MLXQ_URL": stack.url, "TEST_API_BASE_URL": f"{stack.url}/v1"}
        env["PYTHONPATH"] = os.pathsep.join((str(SUITES), env.get("PYTHONPATH", "")))
        run = {name: one for name, one in suites(contract, stack.url).items() if not names or name in names}
        codes = {
            name: subprocess.run(one.command, env=env, cwd=one.folder, check=False).returncode
            for name, one in run.items()
        }
    return sum(map(bool, codes.values()))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute(), sys.argv[2:]))
