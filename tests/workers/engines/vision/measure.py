"""`python -m tests.workers.engines.vision.measure [NAME…]`: tries architectures, those that are named or all.

What came of it is written where `mlxq models inspect` and the documents read it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.workers.engines.vision import trial, zoo
from workers.engines.vision.families import NAMES as FAMILIES
from workers.engines.vision.measured import FILE, measured

import mlx_vlm.models  # isort: skip

_TOWERS = ("vision.py", "audio.py", "sound.py")
# Why there is no tiny model of these.
_UNTRIED = {
    **dict.fromkeys(("sam3", "sam3_1", "falcon_perception"), "it segments images and does not chat"),
    **dict.fromkeys(("gpt_oss", "hrm_text", "laguna"), "it only reads text: `model_type: lm`"),
    "diffusion_gemma": "it writes by diffusion, not token by token, and is refused at start",
    **dict.fromkeys(
        ("florence2", "nemotron_parse"), "its decoder reads an encoder's states, not a conversation: refused at start"
    ),
    "youtu_vl": "its processor is code of its own repository; mlx-vlm has none",
    "phi4_siglip": "its processor makes images with torchvision, which mlx-vlm does not bring",
    "llmjpvl": "mlx-vlm has no processor of it, and its own is code of its repository (`trust_remote_code`)",
    "muse_spark": "its kernels are Metal's: it runs on a Mac only, where it was not looked at",
}
_NOT_YET = "not tried: the tests have no tiny model of it yet"


def architectures() -> list[str]:
    """Those of mlx-vlm that embed a prompt and have a tower or a processor of their own: what chats about media."""
    folder = Path(mlx_vlm.models.__file__ or "").parent
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and _chats(path))


def _chats(path: Path) -> bool:
    modules = list(path.glob("*.py"))
    if any("def get_input_embeddings" in module.read_text() for module in modules):
        return any(module.name in _TOWERS or "process" in module.name for module in modules)
    return path.name in {*FAMILIES, *zoo.NAMES}  # which have it from another


def row(name: str, root: Path) -> dict[str, Any]:
    """What came of an architecture, for the table."""
    if name not in {*FAMILIES, *zoo.NAMES}:
        return {"untried": _UNTRIED.get(name, _NOT_YET)}
    found = trial.outcome(name, root)
    if isinstance(found, str):
        return {"failed": " ".join(found.split())[:300]}
    if max(found.apart, found.together) >= 1e-3:
        return {
            "failed": f"its log probabilities are {found.apart:.3f} from mlx-vlm's, {found.together:.3f} from alone"
        }
    return {name: value for name, value in asdict(found).items() if name not in ("architecture", "apart", "together")}


def main() -> None:
    """Try those that are named, or all."""
    every = dict(measured()) if FILE.exists() else {}
    with tempfile.TemporaryDirectory() as root:
        for name in sys.argv[1:] or architectures():
            every[name] = row(name, Path(root))
            print(name, every[name], flush=True)  # noqa: T201
            FILE.write_text(json.dumps(dict(sorted(every.items())), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
