"""`python -m tests.workers.engines.vision.measure [NAME…]`: tries architectures, each in a process of its own.

What came of it is written where `mlxq models inspect` and the documents read it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import mlx_vlm.models

from workers.engines.vision.families import NAMES as FAMILIES
from workers.engines.vision.measured import FILE

from tests.workers.engines.vision import zoo  # isort: skip

_SHOWS = ("vision.py", "audio.py", "sound.py", "vision_tower.py", "visual.py")
# Why there is no tiny model of these.
_UNTRIED = {
    **dict.fromkeys(("sam3", "sam3_1", "falcon_perception"), "it segments images and does not chat"),
    **dict.fromkeys(("gpt_oss", "hrm_text", "laguna"), "it only reads text: `model_type: lm`"),
    "diffusion_gemma": "it writes by diffusion, not token by token, and is refused at start",
    "hunyuan_vl": "its processor knows tokens by the ids of the published vocabulary",
}
_NOT_YET = "not tried: the tests have no tiny model of it yet"
PATIENCE = 180  # seconds for one architecture


def architectures() -> list[str]:
    """Those of mlx-vlm that embed a prompt and have a tower or a processor of their own: what chats about media."""
    folder = Path(mlx_vlm.models.__file__ or "").parent
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and _chats(path))


def _chats(path: Path) -> bool:
    modules = list(path.glob("*.py"))
    if any("def get_input_embeddings" in module.read_text() for module in modules):
        own = {module.name for module in modules}
        return bool(own & {*_SHOWS}) or any("process" in name for name in own)
    return path.name in {*FAMILIES, *zoo.NAMES}


def measured(name: str) -> dict[str, Any]:
    """What came of an architecture, tried in another process."""
    command = [sys.executable, "-m", __spec__.name, "--one", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return {"failed": f"it did not end within {PATIENCE} seconds"}
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        return {"failed": f"its process ended with {done.returncode}"}
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def _one(name: str) -> dict[str, Any]:
    from tests.workers.engines.vision import trial

    with tempfile.TemporaryDirectory() as folder:
        found = trial.outcome(name, Path(folder))
    if isinstance(found, str):
        return {"failed": " ".join(found.split())[:300]}
    row = asdict(found)
    if max(row.pop("apart"), row.pop("together")) >= 1e-3:
        return {"failed": f"its log probabilities are others than mlx-vlm's, or others together than alone: {found}"}
    del row["architecture"]
    return row


def main() -> None:
    """Try those that are named, or all."""
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(_one(sys.argv[2])))  # noqa: T201
        return
    every = json.loads(FILE.read_text()) if FILE.exists() else {}
    for name in sys.argv[1:] or architectures():
        tiny = name in zoo.NAMES or name in FAMILIES
        every[name] = measured(name) if tiny else {"untried": _UNTRIED.get(name, _NOT_YET)}
        print(name, every[name], flush=True)  # noqa: T201
        FILE.write_text(json.dumps(dict(sorted(every.items())), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
