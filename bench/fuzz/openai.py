"""schemathesis with OpenAI's own description of its API, for the operations that are ours as well.

schemathesis brings thirty packages, so it has an environment of its own: `make fuzz` makes it beside `.venv`, with the
`llm-comply` package, whose OpenAI document this reads.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from bench.fuzz.bounds import MOST
from bench.fuzz.campaign import rules
from bench.fuzz.findings import Finding, Findings
from bench.fuzz.request import ADMIN
from tests.support.servers import Stack

WHERE = "import importlib.util as u; print(u.find_spec('llm_comply').submodule_search_locations[0])"
SECONDS = 600
OPTIONS = (
    "--checks not_a_server_error --mode all --phases examples,coverage,fuzzing --workers 2 --request-timeout 30 "
    "--generation-database none --suppress-health-check all --continue-on-failure --warnings off"
)
_CASES = re.compile(r"([\d,]+) generated")


def document(python: Path, models: list[str]) -> dict[str, Any]:
    """OpenAI's document, cut to the paths that this service has, for these models and for short answers."""
    found = subprocess.run([python, "-c", WHERE], check=True, capture_output=True, text=True).stdout.strip()
    whole = json.loads((Path(found) / "specs" / "openai_chat.json").read_text())
    ours = {_shape(rule) for rule, _ in rules()}
    whole["paths"] = {path: said for path, said in whole["paths"].items() if _shape("/v1" + path) in ours}
    whole["servers"] = [{"url": "/v1"}]
    for schema in whole["components"]["schemas"].values():
        _bound(schema, models)
    return dict(whole)


def _bound(schema: Any, models: list[str]) -> None:
    """Write into a schema, and into those inside it, which models there are and what is asked of them at most."""
    if isinstance(schema, list):
        for one in schema:
            _bound(one, models)
    if not isinstance(schema, dict):
        return
    named = schema.get("properties")
    if isinstance(named, dict):
        named |= {"model": {"type": "string", "enum": models}} if "model" in named else {}
        named |= {name: {"type": "integer", "maximum": 64} for name in MOST if name in named}
    for one in schema.values():
        _bound(one, models)


def _shape(path: str) -> str:
    """A path with every parameter written the same."""
    return "/".join("*" if piece[:1] in ("<", "{") else piece for piece in path.split("/"))


def run(python: Path, stack: Stack, most: int, findings: Findings) -> None:
    """So many examples for each operation, valid and invalid ones; what it reports is a finding."""
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / "openai.json"
        spec.write_text(json.dumps(document(python, stack.names)))
        program = [python.absolute().with_name("schemathesis"), "--no-color", "run", spec]
        chosen = [
            "--url",
            f"{stack.url}/v1",
            "--header",
            f"Authorization: Bearer {ADMIN}",
            *OPTIONS.split(),
            "--max-examples",
            str(most),
        ]
        said = subprocess.run([*program, *chosen], capture_output=True, text=True, timeout=SECONDS, cwd=folder)
    told = said.stdout + said.stderr
    print(told[-1500:], flush=True)
    if found := _CASES.search(told):
        findings.statuses["schemathesis", 0] += int(found[1].replace(",", ""))
    if said.returncode:
        findings.add(Finding("schemathesis found something", "OpenAI's document", None, detail=told[-6000:]))
