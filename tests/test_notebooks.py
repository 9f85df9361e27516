"""The notebooks of `examples/` run from their first cell to their last, and print what is stored in them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import PATIENCE, ROOT, Stack

NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
# What a kernel does: all cells in one namespace, one after the other. A line of JSON tells what each has printed.
KERNEL = """
import contextlib, io, json, sys
cells, namespace = json.load(sys.stdin), {"__name__": "__main__"}
for cell in cells:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(cell, "<cell>", "exec"), namespace)
    print(json.dumps(printed.getvalue()), flush=True)
"""


def cells(notebook: Path) -> list[dict[str, Any]]:
    """The cells of a notebook that hold code."""
    document = json.loads(notebook.read_text())
    assert (document["nbformat"], document["nbformat_minor"]) == (4, 5)
    return [cell for cell in document["cells"] if cell["cell_type"] == "code"]


def test_there_is_one() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_prints_what_is_stored_in_it(notebook: Path, real_stack: Stack, tmp_path: Path) -> None:
    code = cells(notebook)
    ran = subprocess.run(
        [sys.executable, "-c", KERNEL],
        input=json.dumps(["".join(cell["source"]) for cell in code]),
        cwd=tmp_path,
        env={**os.environ, "MLXQ_URL": real_stack.url},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    stored = ["".join(text for output in cell["outputs"] for text in output["text"]) for cell in code]
    assert [json.loads(line) for line in ran.stdout.splitlines()] == stored
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
