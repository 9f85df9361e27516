"""Architectures of mlx-vlm, tiny and random, with processors that fit: a file each, named as mlx-vlm's module.

Each holds `TINY`, which says what its config and its processor's files have beyond what all have.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.workers.engines.text import tiny
from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402
from mlx.utils import tree_flatten, tree_unflatten  # noqa: E402
from mlx_vlm.utils import get_model_and_args, update_module_configs  # noqa: E402

NAMES = tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem != "__init__"))
FIRST = 517  # the id of the first token of `Tiny.tokens`; that before it ends an answer
VOCABULARY = 1728  # PaliGemma's processor adds 1152 to a tokenizer
TEXT: Mapping[str, Any] = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "rms_norm_eps": 1e-5,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 2048,
    "rope_theta": 10_000.0,
    "tie_word_embeddings": False,
}
EXPERTS: Mapping[str, Any] = {
    "num_experts": 4,
    "n_routed_experts": 4,
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 32,
    "decoder_sparse_step": 1,
    "mlp_only_layers": [],
    "norm_topk_prob": True,
}
VISION: Mapping[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "patch_size": 8,
    "image_size": 32,
    "num_channels": 3,
}
# The turns of most models' own templates, shortened; `IMAGE`, `AUDIO` and `VIDEO` stand for a model's own markers.
PARTS = (
    "{% for m in messages %}<{{ m.role }}>{% if m.content is string %}{{ m.content }}{% else %}"
    "{% for part in m.content %}{% if part.type == 'image' %}IMAGE{% elif part.type == 'audio' %}AUDIO"
    "{% elif part.type == 'video' %}VIDEO{% else %}{{ part.text }}{% endif %}{% endfor %}{% endif %}</s>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
TEXTS = tiny.TEMPLATE  # of those whose content is one string


@dataclass(frozen=True)
class Tiny:
    """What an architecture has beyond others: its config, its processor's files, its special tokens, the markers of
    its template for an image, a sound and a video, what its tokenizer's config tells, the tokens that its processor
    knows by their published ids, and what writes into the model's folder what it needs beside."""

    config: Mapping[str, Any]
    files: Mapping[str, Mapping[str, Any] | Sequence[int] | bytes] = field(default_factory=dict)
    tokens: Sequence[str] = ()
    markers: Sequence[str] = ("<image>",)
    template: str | None = PARTS
    tokenizer: Mapping[str, Any] = field(default_factory=dict)
    ids: Mapping[str, int] = field(default_factory=dict)
    beside: Callable[[Path], object] = lambda folder: None


def token(number: int) -> int:
    """The id of a special token by its place among them."""
    return FIRST + number


def save(folder: Path, name: str) -> Path:
    """Write a random model of an architecture, its configuration, tokenizer and processor."""
    made: Tiny = import_module(f"{__name__}.{name}").TINY
    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_type": name, "eos_token_id": FIRST - 1, "vocab_size": VOCABULARY, **made.config}
    (folder / "config.json").write_text(json.dumps(config))
    for file, content in made.files.items():
        (folder / file).write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    words = tiny.tokenizer(made.ids)._tokenizer
    words.add_special_tokens({"additional_special_tokens": list(made.tokens)})
    words.chat_template = made.template
    for marker, own in zip(("IMAGE", "AUDIO", "VIDEO"), made.markers, strict=False):
        words.chat_template = words.chat_template and words.chat_template.replace(marker, own)
    words.save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **made.tokenizer}))
    made.beside(folder)
    mx.save_safetensors(str(folder / "model.safetensors"), dict(tree_flatten(model(config).parameters())))
    return folder


def model(config: Mapping[str, Any]) -> Any:
    """A random model of a config, whose tokens differ clearly in likelihood."""
    mx.random.seed(0)
    own = json.loads(json.dumps(config))
    arch, _ = get_model_and_args(own)
    own.setdefault("text_config", own.pop("llm_config", {}))
    own.setdefault("vision_config", {})
    own.setdefault("audio_config", {})
    made = arch.ModelConfig.from_dict(own)
    made = update_module_configs(made, arch, own, ["text", "vision", "perceiver", "projector", "audio"])
    found = arch.Model(made)
    if empty := list(_filled(found)):
        found.update(tree_unflatten(empty))
    heads = [(path, array) for path, array in tree_flatten(found.parameters()) if path.endswith("lm_head.weight")]
    norms = [
        (path, array)
        for path, array in tree_flatten(found.parameters())
        if path.startswith("language_model") and path.endswith(".norm.weight") and array.shape == (TEXT["hidden_size"],)
    ]
    # Where there is no head, every token would be likeliest after itself.
    louder = [(path, array * 12) for path, array in heads] or [
        (path, 3 * mx.random.normal(array.shape)) for path, array in norms[-1:]
    ]
    found.update(tree_unflatten(louder))
    mx.eval(found.parameters())
    return found


def _filled(found: Any) -> Iterator[tuple[str, Any]]:
    """Numbers for what begins with zeros and is no bias, as gates and embeddings that would let nothing through."""
    for path, array in tree_flatten(found.parameters()):
        number = mx.issubdtype(array.dtype, mx.floating) and not path.endswith(".bias")
        if number and not mx.any(array).item():
            yield path, 0.2 * mx.random.normal(array.shape)
