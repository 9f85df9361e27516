"""Writes what transformers and sentence-transformers make of the tiny models, for the tests to compare with.

torch is no dependency of the project. Run it in an environment with torch and transformers, 5.20 or newer for the
architectures that older ones lack, and for the sentences in one with sentence-transformers 3.4:

    python -m tests.workers.engines.encoders.references networks
    python -m tests.workers.engines.encoders.references sentences
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModel

from tests.workers.engines.encoders import tiny

_DIGITS = 6
# What transformers calls an architecture that it knows by another name only.
_CALLED = {"new": "gte", "llama_bidirec": "llama"}


def network(name: str, folder: Path) -> dict[str, Any]:
    """The names and shapes of a checkpoint, and some states of the last layer."""
    config = dict(tiny.CONFIGS[name])
    kind = config.pop("model_type")
    kind = _CALLED.get(kind, kind)
    scaling = config.pop("rope_scaling", None)
    causal = config.pop("is_causal", kind == "qwen2" or kind == "qwen3" or kind == "mistral")
    made = AutoModel.from_config(AutoConfig.for_model(kind, **config))
    made.save_pretrained(folder)
    shapes = {part: list(weight.shape) for part, weight in load_file(folder / "model.safetensors").items()}
    if name.startswith("new"):
        shapes = {f"new.{part.removeprefix('new.')}": shape for part, shape in shapes.items()}
    tiny.write(folder, json.loads((folder / "config.json").read_text()), shapes)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    if scaling is not None:
        _stretch(model, config["rope_theta"], scaling["factor"])
    inputs = tiny.inputs(config["vocab_size"], LENGTHS.get(name, (3, 29, 12)))
    states = []
    for tokens in inputs:
        ids = torch.tensor([tokens])
        mask = torch.ones_like(ids)
        if not causal and kind in ("qwen2", "llama"):
            mask = torch.zeros(1, 1, len(tokens), len(tokens))
        with torch.no_grad():
            (last,) = model(input_ids=ids, attention_mask=mask).last_hidden_state
        states.append([[round(value, _DIGITS) for value in last[at].tolist()] for at in tiny.shown(len(tokens))])
    return {"shapes": shapes, "inputs": inputs, "states": states}


LENGTHS = {"mpnet": (3, 180, 12)}


def _stretch(model: Any, base: float, factor: float) -> None:
    """NTK's frequencies, as the authors of GTE compute them."""
    size = model.config.hidden_size // model.config.num_attention_heads
    plain = 1.0 / ((base * factor) ** (torch.arange(0, size, 2).float() / size))
    model.rotary_emb.inv_freq = plain / factor ** (2 / size)


def sentences() -> dict[str, Any]:
    """Vectors of each case's texts."""
    from sentence_transformers import SentenceTransformer

    vectors = {}
    for name, case in tiny.SENTENCES.items():
        with tempfile.TemporaryDirectory() as folder:
            model = SentenceTransformer(str(tiny.sentence_model(Path(folder), case)), device="cpu")
            encoded = model.encode(list(tiny.TEXTS), prompt_name=case.get("prompt_name"))
        vectors[name] = [[round(float(value), _DIGITS) for value in vector] for vector in encoded]
    return vectors


def main() -> None:
    """Write the files of one kind."""
    if sys.argv[1] == "sentences":
        write("sentences", sentences())
        return
    for name in sys.argv[2:] or tiny.CONFIGS:
        with tempfile.TemporaryDirectory() as folder:
            write(name, network(name, Path(folder)))


def write(name: str, value: Any) -> None:
    """A file of references."""
    tiny.REFERENCES.mkdir(exist_ok=True)
    (tiny.REFERENCES / f"{name}.json").write_text(json.dumps(value) + "\n")


if __name__ == "__main__":
    main()
