"""Every architecture of mlx-lm as a tiny random model, in a folder that can be served.

Weights are random and in float32, so that the same numbers come out however they are computed.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402
import mlx_lm  # noqa: E402
from mlx.utils import tree_flatten, tree_map  # noqa: E402
from mlx_lm.utils import MODEL_ARCHITECTURE_REMAPPING, _get_classes  # noqa: E402

from tests.workers.engines.text import tiny  # noqa: E402
from tests.workers.engines.text.architecture_sizes import COMMON, OWN  # noqa: E402


@cache
def names() -> tuple[str, ...]:
    """The architectures of the installed mlx-lm: its modules with a model."""
    folder = Path(str(mlx_lm.__file__)).parent / "models"
    return tuple(sorted(file.stem for file in folder.glob("*.py") if "\nclass ModelArgs" in file.read_text()))


def config(name: str) -> dict[str, Any]:
    """The config.json of a tiny model of this architecture."""
    model_type, architecture = next(
        (key for key, value in MODEL_ARCHITECTURE_REMAPPING.items() if value == name), (name, None)
    )
    sizes = {**COMMON, **OWN.get(name, {})}
    made = {**sizes, "model_type": model_type, "text_config": {**sizes, "model_type": model_type}}
    known = _known(name) | OWN.get(name, {}).keys()
    made = {key: value for key, value in made.items() if key in known}
    return {**made, "architectures": [architecture]} if architecture else made


def _known(name: str) -> frozenset[str]:
    """The keys that this architecture reads."""
    try:
        arguments = import_module(f"mlx_lm.models.{name}").ModelArgs
    except SystemExit:  # it wants a package that is not installed
        return frozenset({*COMMON, "model_type"})
    return frozenset(signature(arguments).parameters) | {"model_type", "max_position_embeddings"}


def model(name: str) -> Any:
    """A random model; raises what mlx-lm raises."""
    mx.random.seed(0)
    own = json.loads(json.dumps(config(name)))
    kind, arguments = _get_classes(own)
    made = kind(arguments.from_dict(own))
    made.update(tree_map(_varied, made.parameters()))
    mx.eval(made.parameters())
    return made


def _varied(parameter: Any) -> Any:
    # What begins as all ones or zeros would hide what it is multiplied with.
    if parameter.size == 1 or not mx.issubdtype(parameter.dtype, mx.floating):
        return parameter
    return parameter if parameter.max() > parameter.min() else parameter + 0.2 * mx.random.normal(parameter.shape)


def save(name: str, folder: Path) -> None:
    """Write a random model with a tokenizer as a folder that can be served."""
    made = model(name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config(name)))
    mx.save_safetensors(str(folder / "model.safetensors"), dict(tree_flatten(made.parameters())))
    tiny.tokenizer()._tokenizer.save_pretrained(folder)
