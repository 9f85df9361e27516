"""What a cross-encoder's configuration makes of its logits, as sentence-transformers' CrossEncoder reads it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from workers.engines.encoders.checkpoint import UnusableModel

Activation: TypeAlias = Callable[[float], float]


def identity(logit: float) -> float:
    """The logit itself."""
    return logit


def sigmoid(logit: float) -> float:
    """The probability whose log odds are the logit."""
    return 0.5 * (1 + math.tanh(logit / 2))


_KNOWN: Mapping[str, Activation] = {"Identity": identity, "Sigmoid": sigmoid, "Tanh": math.tanh}


def chosen(config: Mapping[str, Any]) -> Activation:
    """The activation that config.json names, by today's key or the one before; a sigmoid where it names none.

    Raises UnusableModel for one that is not known.
    """
    named = (config.get("sentence_transformers") or {}).get("activation_fn")
    path = named or config.get("sbert_ce_default_activation_function") or "Sigmoid"
    name = str(path).rpartition(".")[2]
    if name not in _KNOWN:
        raise UnusableModel(f"config.json asks for the activation '{path}'; {', '.join(_KNOWN)} are known")
    return _KNOWN[name]
