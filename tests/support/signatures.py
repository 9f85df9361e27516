"""What the models of mlx-audio take, read from their files: importing some of them fetches weights."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import mlx_audio

ROOT = Path(mlx_audio.__file__).parent
PARTS = {"nemo", "wav2vec", "lasr_ctc", "qwen3_forced_aligner"}  # of models, or of those that write no text
OURS = {"whisper"}  # which has an engine of its own
SAME = {"phonon": "parakeet", "phonon2": "parakeet"}  # whose model is that one's with other weights


def families(kind: str) -> list[str]:
    """The families of a kind, by the names of their packages."""
    return sorted(path.parent.name for path in (ROOT / kind / "models").glob("*/__init__.py"))


def parameters(kind: str, family: str, given: str) -> frozenset[str]:
    """The parameters of the family's `generate` that is given this."""
    return frozenset(name for names in _generates(ROOT / kind / "models" / family) if given in names for name in names)


def _generates(folder: Path) -> Iterator[set[str]]:
    for file in sorted(folder.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name == "generate":
                yield {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)}


def recognisers() -> Mapping[str, frozenset[str]]:
    """What each recogniser takes."""
    found = {name: parameters("stt", SAME.get(name, name), "audio") for name in families("stt")}
    return {name: names - {"text"} for name, names in found.items() if name not in PARTS | OURS}
