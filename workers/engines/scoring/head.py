"""What makes a logit of a network's states: the head that lies beside the network in the checkpoint, or two tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import mlx.core as mx
import mlx.nn as nn

from workers.engines.encoders.checkpoint import UnusableModel
from workers.engines.encoders.loading import TextEncoder

# Logits (pairs) float32 of states (pairs, tokens, width) and a mask (pairs, tokens) that is false behind a pair's end.
Head: TypeAlias = Callable[[mx.array, mx.array], mx.array]
Layer: TypeAlias = Callable[[mx.array], mx.array]


def of(encoder: TextEncoder) -> Head | None:
    """The head of a model that classifies, None for one that has none; raises UnusableModel for a kind not known."""
    weights = Weights(encoder)
    if "score" in weights:
        score = weights.output("score")
        return lambda states, mask: score(_last(states, mask))
    if "classifier.out_proj" in weights:  # RoBERTa and MPNet
        dense, project = weights.linear("classifier.dense"), weights.output("classifier.out_proj")
        return lambda states, mask: project(mx.tanh(dense(_first(states, mask))))
    if "classifier" not in weights:
        return None
    classify = weights.output("classifier")
    if "pooler.dense" in weights:  # BERT
        pooler = weights.linear("pooler.dense")
        return lambda states, mask: classify(mx.tanh(pooler(_first(states, mask))))
    if "pre_classifier" in weights:  # DistilBERT
        before = weights.linear("pre_classifier")
        return lambda states, mask: classify(nn.relu(before(_first(states, mask))))
    if "head.dense" in weights:  # ModernBERT
        dense, norm = weights.linear("head.dense"), weights.norm("head.norm")
        pooled = _mean if encoder.config.get("classifier_pooling") == "mean" else _first
        return lambda states, mask: classify(norm(nn.gelu(dense(pooled(states, mask)))))
    raise UnusableModel("what lies between its network and its classifier is not known")


def of_tokens(encoder: TextEncoder, no: int, yes: int) -> Head:
    """How much likelier one token is than another behind a prompt's end, as log odds."""
    rows = Weights(encoder).rows("lm_head", mx.array([no, yes]))
    if rows is None:  # the output layer is the embeddings
        rows = encoder.network.model.embed_tokens(mx.array([no, yes])).astype(mx.float32)
    direction = rows[1] - rows[0]
    mx.eval(direction)
    return lambda states, mask: _last(states, mask) @ direction


class Weights:
    """The weights beside a network, as layers in float32."""

    def __init__(self, encoder: TextEncoder) -> None:
        self._rest: Mapping[str, mx.array] = encoder.rest
        self._config = encoder.config

    def __contains__(self, layer: str) -> bool:
        return f"{layer}.weight" in self._rest

    def linear(self, layer: str) -> Layer:
        """A linear layer."""
        weight, bias = self._matrix(layer), self._rest.get(f"{layer}.bias")
        rows = weight.T
        if bias is None:
            return lambda states: states @ rows
        added = bias.astype(mx.float32)
        return lambda states: states @ rows + added

    def output(self, layer: str) -> Layer:
        """A linear layer with one output, (pairs) of (pairs, width); raises UnusableModel for one with several."""
        outputs = self._rest[f"{layer}.weight"].shape[0]
        if outputs != 1:
            raise UnusableModel(f"a reranker gives one score, and this model tells {outputs} classes apart")
        apply = self.linear(layer)
        return lambda states: apply(states)[:, 0]

    def norm(self, layer: str) -> Layer:
        """A layer norm."""
        weight, bias = self._rest[f"{layer}.weight"].astype(mx.float32), self._rest.get(f"{layer}.bias")
        eps = float(self._config.get("norm_eps", 1e-5))
        return lambda states: mx.fast.layer_norm(states, weight, bias, eps)

    def rows(self, layer: str, numbers: mx.array) -> mx.array | None:
        """Some rows of a linear layer's matrix, None where there is no such layer; (numbers, width) float32."""
        return self._matrix(layer, numbers) if layer in self else None

    def _matrix(self, layer: str, numbers: mx.array | None = None) -> mx.array:
        parts = {name: self._rest.get(f"{layer}.{name}") for name in ("weight", "scales", "biases")}
        matrix = {name: part if numbers is None else part[numbers] for name, part in parts.items() if part is not None}
        weight, scales = matrix["weight"], matrix.get("scales")
        if scales is None:
            return weight.astype(mx.float32)
        width = self._config["hidden_size"]
        return mx.dequantize(
            weight,
            scales,
            matrix.get("biases"),
            group_size=width // scales.shape[-1],
            bits=weight.shape[-1] * 32 // width,
            mode=(self._config.get("quantization") or {}).get("mode", "affine"),
        ).astype(mx.float32)


def _first(states: mx.array, _: mx.array) -> mx.array:
    return states[:, 0].astype(mx.float32)


def _mean(states: mx.array, mask: mx.array) -> mx.array:
    shown = mask[..., None].astype(mx.float32)
    return (states * shown).sum(axis=1) / shown.sum(axis=1)


def _last(states: mx.array, mask: mx.array) -> mx.array:
    return states[mx.arange(states.shape[0]), mask.sum(axis=1) - 1].astype(mx.float32)
