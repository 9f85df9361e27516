"""What a folder's files for sentence-transformers say: how the states of a text's tokens become its vector."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import mlx.core as mx
import mlx.nn as nn

from workers.engines.encoders import checkpoint
from workers.engines.encoders.checkpoint import UnusableModel
from workers.engines.encoders.loading import TextEncoder
from workers.engines.encoders.pooling import MODES, Pooling

Step: TypeAlias = Callable[[mx.array], mx.array]
_ACTIVATIONS: Mapping[str, Step] = {
    "Identity": lambda vectors: vectors,
    "Tanh": mx.tanh,
    "ReLU": nn.relu,
    "GELU": nn.gelu,
    "SiLU": nn.silu,
    "Sigmoid": mx.sigmoid,
}
_COLBERT = re.compile(r"^Col[A-Z]|ColBERT", re.IGNORECASE)
_SCORING = "ForSequenceClassification"
_LEAST = 1e-12  # length of a vector that is divided by its length


@dataclass(frozen=True)
class Recipe:
    """What follows a network: pooling, then `steps`; and what its texts are given before it.

    `prompts` are by their names, `prompt` the name of the one that is usual; `longest` is the most tokens of a text,
    None for as many as the network takes; `lower` says that texts are made lower case; `normalised` that vectors have
    the length 1.
    """

    pooling: Pooling
    steps: tuple[Step, ...] = ()
    normalised: bool = True
    prompts: Mapping[str, str] = field(default_factory=dict)
    prompt: str | None = None
    longest: int | None = None
    lower: bool = False

    def vectors(self, states: mx.array, mask: mx.array, prompts: Sequence[int]) -> mx.array:
        """Vectors (texts, dimensions) float32 of states (texts, tokens, width); the rest as in Pooling."""
        vectors = self.pooling(states.astype(mx.float32), mask, prompts)
        for step in self.steps:
            vectors = step(vectors)
        return vectors


def network_folder(folder: Path) -> Path:
    """Where the network of a folder lies: in it, or where its modules.json says."""
    modules = _modules(folder)
    return folder / modules[0][1] if modules else folder


def refuse_multi_vector(folder: Path) -> None:
    """Raise UnusableModel for a model of which a text is as many vectors as it has tokens."""
    config = checkpoint.read_object(network_folder(folder) / "config.json")
    settings = checkpoint.read_object(folder / "config_sentence_transformers.json")
    names = [str(config.get("model_type", "")), *map(str, config.get("architectures") or ())]
    kinds = [kind for kind, _ in _modules(folder)]
    late = (
        any(_COLBERT.search(name) for name in names)
        or any(kind.startswith("pylate.") for kind in kinds)
        or "maxsim" in str(settings.get("similarity_fn_name", "")).lower()
        or (folder / "artifact.metadata").exists()  # ColBERT's own file
        or (len(kinds) > 0 and not any(_is(kind, "Pooling") for kind in kinds))
    )
    if late:
        raise UnusableModel(
            "this model makes a vector of each token (ColBERT, late interaction), and an embedding is one vector of a "
            "text; serve a model that pools, whose modules.json has a Pooling"
        )


def read(folder: Path, encoder: TextEncoder, pooling: str | None = None) -> Recipe:
    """The recipe of a folder with this network; raises UnusableModel.

    Without a modules.json, vectors are the mean of all tokens, or of a causal network the last one's, and normalised.
    `pooling` is what the models' file says, which goes before the folder's.
    """
    modules = _modules(folder)
    config = checkpoint.read_object(folder / "config_sentence_transformers.json")
    limits = checkpoint.read_object(network_folder(folder) / "sentence_bert_config.json")
    prompts = config.get("prompts") or {}
    if not isinstance(prompts, dict) or not all(isinstance(prompt, str) for prompt in prompts.values()):
        raise UnusableModel(
            f"the prompts in {folder / 'config_sentence_transformers.json'} must be texts by their names"
        )
    usual = config.get("default_prompt_name")
    if usual is not None and usual not in prompts:
        raise UnusableModel(f"the default prompt '{usual}' is not among the model's prompts")
    chosen = None if pooling is None else Pooling((pooling,))
    if not modules:
        if any(name.startswith("dense.") for name in encoder.rest):
            raise UnusableModel(
                "its weights hold a projection (dense), as those of late-interaction models (ColBERT) do, and there is "
                "no modules.json that says what it is for; copy that and the folders it names from the original model"
            )
        scoring = [name for name in map(str, encoder.config.get("architectures") or ()) if name.endswith(_SCORING)]
        if scoring and chosen is None:
            raise UnusableModel(
                f"its config.json names '{scoring[0]}', which scores texts and makes no vectors of them"
            )
        return Recipe(chosen or _usual(folder, encoder.causal), (_normalised,), prompts=prompts, prompt=usual)
    steps: list[Step] = []
    for number, (kind, path) in enumerate(modules[1:], 1):
        if _is(kind, "Pooling"):
            chosen = chosen or _pooling(folder / path)
        elif _is(kind, "Dense"):
            steps.append(_dense(folder / path, encoder, sum(_is(before, "Dense") for before, _ in modules[1:number])))
        elif _is(kind, "LayerNorm"):
            steps.append(_layer_norm(folder / path))
        elif _is(kind, "Normalize"):
            steps.append(_normalised)
        elif not _is(kind, "Dropout"):
            raise UnusableModel(f"its modules.json has a module that is not known: {kind}")
    if chosen is None:
        raise UnusableModel("its modules.json has no Pooling")
    return Recipe(
        chosen,
        tuple(steps),
        normalised=bool(steps) and steps[-1] is _normalised,
        prompts=prompts,
        prompt=usual,
        longest=limits.get("max_seq_length"),
        lower=bool(limits.get("do_lower_case")),
    )


def _modules(folder: Path) -> list[tuple[str, str]]:
    """The kinds and folders of a model's modules, the first of which is its network."""
    modules = checkpoint.read_json(folder / "modules.json")
    if modules is None:
        return []
    try:
        listed = [(str(module["type"]), str(module["path"])) for module in modules]
    except (TypeError, KeyError) as error:
        raise UnusableModel(f"{folder / 'modules.json'} must list modules with a 'type' and a 'path'") from error
    if not listed or not _is(listed[0][0], "Transformer"):
        raise UnusableModel(
            "its modules.json does not begin with a Transformer, the only kind of network that is known"
        )
    return listed


def _is(kind: str, name: str) -> bool:
    return kind.rpartition(".")[2] == name


def _pooling(folder: Path) -> Pooling:
    config = checkpoint.read_object(folder / "config.json")
    if not config:
        raise UnusableModel(
            f"its modules.json names {folder.name}, and there is no {folder / 'config.json'} that says how tokens "
            f"become a vector: copy it from the original model, or say it in the models' file, as options: "
            f"{{pooling: cls}} ({', '.join(MODES)})"
        )
    try:
        return Pooling.parse(config)
    except ValueError as error:
        raise UnusableModel(f"{folder / 'config.json'}: {error}") from error


def _usual(folder: Path, causal: bool) -> Pooling:
    beside = folder / "1_Pooling"  # a conversion may have left modules.json behind
    if (beside / "config.json").exists():
        return _pooling(beside)
    return Pooling(("lasttoken" if causal else "mean",))


def _dense(folder: Path, encoder: TextEncoder, number: int) -> Step:
    """The Dense module of a folder; mlx-embeddings keeps its weights with the network's, by its number among them."""
    config = checkpoint.read_object(folder / "config.json")
    name = str(config.get("activation_function", "Identity")).rpartition(".")[2]
    if name not in _ACTIVATIONS:
        raise UnusableModel(f"the activation '{name}' of {folder} is not known")
    kept = f"dense.{number}."
    weights = {part.removeprefix(kept): weight for part, weight in encoder.rest.items() if part.startswith(kept)}
    if config or not weights:
        weights = {part.removeprefix("linear."): weight for part, weight in checkpoint.read_weights(folder).items()}
    weight, bias = weights["weight"], weights.get("bias")
    if "scales" in weights:
        packing = encoder.config["quantization"]
        weight = mx.dequantize(
            weight,
            weights["scales"],
            weights.get("biases"),
            packing["group_size"],
            packing["bits"],
            packing.get("mode", "affine"),
        )
    activation = _ACTIVATIONS[name]
    rows = weight.astype(mx.float32).T
    added = None if bias is None else bias.astype(mx.float32)
    return lambda vectors: activation(vectors @ rows if added is None else vectors @ rows + added)


def _layer_norm(folder: Path) -> Step:
    weights = checkpoint.read_weights(folder)
    weight, bias = (weights[f"norm.{part}"].astype(mx.float32) for part in ("weight", "bias"))
    return lambda vectors: mx.fast.layer_norm(vectors, weight, bias, 1e-5)


def _normalised(vectors: mx.array) -> mx.array:
    return vectors / mx.maximum(mx.linalg.norm(vectors, axis=-1, keepdims=True), _LEAST)
