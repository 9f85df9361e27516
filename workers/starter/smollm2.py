"""SmolLM2 from GGUF to the folder that mlx-lm loads.

GGUF: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import mlx.core as mx
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

_TOP = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_GROUP = 32  # weights that share a scale, in Q4_1 and Q8_0 alike
_CONTROL_TOKEN = 3  # llama.cpp's token type


def convert(source: Path, target: Path, keep_quantized: bool | None = None) -> None:
    """Write config.json, the weights and the tokenizer of the one GGUF file in `source`.

    Quantised weights stay as they are where there is Metal; elsewhere only float32 is fast, so they become float32.
    """
    if keep_quantized is None:
        keep_quantized = mx.metal.is_available()
    (path,) = source.glob("*.gguf")
    tensors, metadata = cast(tuple[dict[str, mx.array], dict[str, Any]], mx.load(str(path), return_metadata=True))
    weights = rename(tensors, _number(metadata, "attention.head_count"), _number(metadata, "attention.head_count_kv"))
    config = _config(metadata, weights)
    if keep_quantized:
        config["quantization"] = quantization(weights)
    else:
        weights = dequantize(weights)
    mx.save_safetensors(str(target / "model.safetensors"), weights, metadata={"format": "mlx"})
    (target / "config.json").write_text(json.dumps(config, indent=2))
    _write_tokenizer(metadata, target)


def rename(tensors: Mapping[str, mx.array], heads: int, kv_heads: int) -> dict[str, mx.array]:
    """Tensors of llama.cpp's llama under the names mlx-lm gives them.

    llama.cpp interleaves the two halves of each head's rows of q and k for its rotary embedding; they are put back
    in order, row by row, which holds for quantised weights, scales and biases too.
    """
    weights = {}
    for name, tensor in tensors.items():
        module, part = name.rsplit(".", 1)
        if module in _TOP:
            weights[f"{_TOP[module]}.{part}"] = tensor
            continue
        _, layer, module = module.split(".")
        if module in ("attn_q", "attn_k"):
            n = heads if module == "attn_q" else kv_heads
            rows = tensor.shape[0]
            tensor = tensor.reshape(n, rows // n // 2, 2, -1).swapaxes(1, 2).reshape(tensor.shape)
        weights[f"model.layers.{layer}.{_LAYER[module]}.{part}"] = tensor
    return weights


def quantization(weights: Mapping[str, mx.array]) -> dict[str, Any]:
    """mlx-lm's `quantization` of these weights: the commonest number of bits, and the modules with another."""
    bits = {
        name.removesuffix(".scales"): _bits(weights, name.removesuffix(".scales"))
        for name in weights
        if name.endswith(".scales")
    }
    widths = list(bits.values())
    usual = max(set(widths), key=widths.count)
    odd = {module: {"group_size": _GROUP, "bits": n} for module, n in bits.items() if n != usual}
    return {"group_size": _GROUP, "bits": usual, **odd}


def dequantize(weights: Mapping[str, mx.array]) -> dict[str, mx.array]:
    """The same weights in float32."""
    dense = {}
    for name, tensor in weights.items():
        module, part = name.rsplit(".", 1)
        if f"{module}.scales" not in weights:
            dense[name] = tensor.astype(mx.float32)
        elif part == "weight":
            scales, biases = (weights[f"{module}.{of}"].astype(mx.float32) for of in ("scales", "biases"))
            dense[name] = mx.dequantize(tensor, scales, biases, group_size=_GROUP, bits=_bits(weights, module))
    return dense


def _bits(weights: Mapping[str, mx.array], module: str) -> int:
    packed, scales = weights[f"{module}.weight"], weights[f"{module}.scales"]
    return int(packed.shape[-1] * 32 // (scales.shape[-1] * _GROUP))


def _config(metadata: Mapping[str, Any], weights: Mapping[str, mx.array]) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": _number(metadata, "embedding_length"),
        "intermediate_size": _number(metadata, "feed_forward_length"),
        "num_hidden_layers": _number(metadata, "block_count"),
        "num_attention_heads": _number(metadata, "attention.head_count"),
        "num_key_value_heads": _number(metadata, "attention.head_count_kv"),
        "rms_norm_eps": metadata["llama.attention.layer_norm_rms_epsilon"].item(),
        "rope_theta": metadata["llama.rope.freq_base"].item(),
        "max_position_embeddings": _number(metadata, "context_length"),
        "vocab_size": len(metadata["tokenizer.ggml.tokens"]),
        "tie_word_embeddings": "lm_head.weight" not in weights,
        "hidden_act": "silu",
        "bos_token_id": metadata["tokenizer.ggml.bos_token_id"].item(),
        "eos_token_id": metadata["tokenizer.ggml.eos_token_id"].item(),
    }


def _number(metadata: Mapping[str, Any], key: str) -> int:
    return int(metadata[f"llama.{key}"].item())


def _write_tokenizer(metadata: Mapping[str, Any], target: Path) -> None:
    tokens = metadata["tokenizer.ggml.tokens"]
    types = metadata["tokenizer.ggml.token_type"].tolist()
    merges = [tuple(merge.split(" ")) for merge in metadata["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE(vocab={token: number for number, token in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    control = [token for token, kind in zip(tokens, types, strict=True) if kind == _CONTROL_TOKEN]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in control])
    tokenizer.save(str(target / "tokenizer.json"))

    def special(which: str) -> str:
        return str(tokens[metadata[f"tokenizer.ggml.{which}_token_id"].item()])

    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": special("bos"),
        "eos_token": special("eos"),
        "pad_token": special("padding"),
        "unk_token": special("unknown"),
        "clean_up_tokenization_spaces": False,
        "model_max_length": _number(metadata, "context_length"),
        "chat_template": metadata["tokenizer.chat_template"],
    }
    (target / "tokenizer_config.json").write_text(json.dumps(config, indent=2))
