"""A folder's network and tokenizer, whatever its architecture."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import mlx.core as mx
import numpy as np
from transformers import AutoTokenizer

from workers.engines.encoders import architectures, checkpoint, decoder
from workers.engines.encoders.checkpoint import UnusableModel

# Files of tokens. Without one transformers makes a tokenizer that knows next to no word, and says nothing.
_VOCABULARIES = ("tokenizer.json", "vocab.*", "*.model", "*.tiktoken")


class Architecture(Protocol):
    """What a module of `workers/engines/encoders/architectures` holds."""

    NAMES: Mapping[str, str]
    ROOT: str

    def network(self, config: Mapping[str, Any]) -> Any:
        """An untrained network; raises ValueError for a kind that is not known."""
        ...


@dataclass(frozen=True)
class TextEncoder:
    """A network that makes a vector a token, and its tokenizer.

    `network` takes ids (texts, tokens), a mask that is false where a text is padded on its right, or None, and types of
    segments, or None; `rest` are the weights beside it, as of heads, without the checkpoint's prefix; `longest` is the
    most tokens of a text; `causal` says that a token sees only those before it.
    """

    network: Any
    tokenizer: Any
    config: Mapping[str, Any]
    rest: Mapping[str, mx.array]
    longest: int
    vocabulary: int
    padding: int
    causal: bool

    def states(
        self, inputs: Sequence[Sequence[int]], types: Sequence[Sequence[int]] | None = None
    ) -> tuple[mx.array, mx.array]:
        """The states (texts, tokens, width) of texts' token ids, and a mask (texts, tokens) that is false for padding.

        `types` are the types of their segments, of the same lengths.
        """
        ids, mask = padded(inputs, self.padding)
        segments = None if types is None else mx.array(padded(types, 0)[0])
        seen = mx.array(mask)
        return self.network(mx.array(ids), None if mask.all() else seen, segments), seen


@contextmanager
def sentences(folder: Path) -> Iterator[None]:
    """Raise UnusableModel for whatever goes wrong with a folder; a library's own error is told with its first line."""
    try:
        yield
    except UnusableModel:
        raise
    except Exception as error:
        first = "".join(str(error).strip().splitlines()[:1])
        raise UnusableModel(f"the model in {folder} cannot be loaded: {type(error).__name__}: {first}") from error


def padded(
    inputs: Sequence[Sequence[int]], padding: int
) -> tuple[np.ndarray[Any, np.dtype[np.int32]], np.ndarray[Any, np.dtype[np.bool_]]]:
    """Rows of one length, and where they are not padding."""
    width = max(1, *map(len, inputs)) if inputs else 1
    rows = np.full((len(inputs), width), padding, np.int32)
    mask = np.zeros((len(inputs), width), np.bool_)
    for row, shown, tokens in zip(rows, mask, inputs, strict=True):
        row[: len(tokens)], shown[: len(tokens)] = tokens, True
    return rows, mask


def load(folder: Path, *, trust_remote_code: bool = False) -> TextEncoder:
    """The network and tokenizer of a folder; raises UnusableModel with a sentence, whatever is wrong."""
    config = checkpoint.read_config(folder)
    kind = config["model_type"]
    if "vision_config" in config or "audio_config" in config:
        raise UnusableModel(f"'{kind}' is a model of images or sounds and texts; only models of texts are served here")
    architecture = _architecture(config)
    try:
        network = architecture.network(config)
    except KeyError as error:
        raise UnusableModel(f"the config.json of this '{kind}' lacks {error}") from error
    except (ValueError, TypeError) as error:
        raise UnusableModel(f"the architecture '{kind}' is not served: {error}") from error
    weights = checkpoint.renamed(checkpoint.read_weights(folder), architecture.NAMES, architecture.ROOT)
    if hasattr(network, "sanitize"):
        weights = network.sanitize(weights)
    quantization = config.get("quantization") or {}
    rest = checkpoint.fill(network, weights, quantization.get("mode", "affine"))
    tokenizer = _tokenizer(folder, trust_remote_code)
    limits = (network.longest, tokenizer.model_max_length)
    padding = tokenizer.pad_token_id
    return TextEncoder(
        network=network,
        tokenizer=tokenizer,
        config=config,
        rest=rest,
        longest=min(limit for limit in limits if limit),
        vocabulary=config["vocab_size"],
        padding=0 if padding is None else padding,
        causal=getattr(network, "causal", False),
    )


def _architecture(config: Mapping[str, Any]) -> Architecture:
    name = config["model_type"].replace("-", "_")
    if name == "xlm_roberta" and config.get("position_embedding_type") == "rotary":
        name = "jina_embeddings_v3"  # whose authors' files call it what it was made of
    known = [module.name for module in pkgutil.iter_modules(architectures.__path__)]
    module = importlib.import_module(f"{architectures.__name__}.{name}") if name in known else decoder
    architecture: Architecture = module
    return architecture


def _tokenizer(folder: Path, trust_remote_code: bool) -> Any:
    if not any(path for kind in _VOCABULARIES for path in folder.glob(kind)):
        raise UnusableModel(f"the tokenizer in {folder} cannot be loaded: there is no tokenizer.json")
    try:
        return AutoTokenizer.from_pretrained(str(folder), trust_remote_code=trust_remote_code)
    except Exception as error:  # it raises what its many parts raise
        first = str(error).strip().splitlines()[:1]
        raise UnusableModel(f"the tokenizer in {folder} cannot be loaded: {''.join(first)}") from error
