"""SmolLM2's folder: the real model answers, and a tiny one keeps its logits through GGUF."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support import starter
from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402 - after OpenBLAS
from mlx.utils import tree_flatten  # noqa: E402
from mlx_lm import generate, load  # noqa: E402
from mlx_lm.models.llama import Model, ModelArgs  # noqa: E402

from workers.starter import smollm2  # noqa: E402

HEADS, KV_HEADS, WIDTH = 4, 2, 64


@pytest.fixture(scope="session")
def real() -> tuple[Any, Any]:
    model, tokenizer, *_ = load(str(starter.folder("smollm2-135m-instruct")))
    return model, tokenizer


def prompt(tokenizer: Any, text: str) -> list[int]:
    message = {"role": "user", "content": text}
    return list(tokenizer.apply_chat_template([message], add_generation_prompt=True, return_dict=False))


def test_the_chat_template_and_tokenizer_count_as_the_original(real: tuple[Any, Any]) -> None:
    assert len(prompt(real[1], "Say hello.")) == 33


def test_digits_and_other_scripts_survive_the_tokenizer(real: tuple[Any, Any]) -> None:
    text = "In 1984, 12.5 % – naïve 東京 🙂"
    ids = real[1].encode(text, add_special_tokens=False)
    assert real[1].decode(ids) == text
    assert len(real[1].encode("1984", add_special_tokens=False)) == 4


def test_greedy_decoding_knows_the_capital_of_france(real: tuple[Any, Any]) -> None:
    model, tokenizer = real
    asked = prompt(tokenizer, "What is the capital of France?")
    assert "Paris" in generate(model, tokenizer, asked, max_tokens=12)


def llama() -> Model:
    mx.random.seed(1)
    args = ModelArgs(
        model_type="llama", hidden_size=WIDTH, num_hidden_layers=2, intermediate_size=96, num_attention_heads=HEADS,
        rms_norm_eps=1e-5, vocab_size=8, num_key_value_heads=KV_HEADS, tie_word_embeddings=True, rope_theta=100_000,
    )  # fmt: skip
    return Model(args)


def as_llama_cpp(name: str, weight: mx.array) -> tuple[str, mx.array]:
    """A weight as llama.cpp's own converter stores it: named its way, q and k interleaved for its rope."""
    top = {"model.embed_tokens": "token_embd", "model.norm": "output_norm"}
    module = name.removesuffix(".weight")
    if module in top:
        return f"{top[module]}.weight", weight
    _, _, layer, module = module.split(".", 3)
    short = next(key for key, value in smollm2._LAYER.items() if value == module)
    if short in ("attn_q", "attn_k"):
        heads = HEADS if short == "attn_q" else KV_HEADS
        weight = weight.reshape(heads, 2, -1, WIDTH).swapaxes(1, 2).reshape(weight.shape)
    return f"blk.{layer}.{short}.weight", weight


def test_a_gguf_file_gives_the_logits_of_the_model_it_was_made_from(tmp_path: Path) -> None:
    model = llama()
    tensors = dict(as_llama_cpp(name, weight) for name, weight in tree_flatten(model.parameters()))
    numbers = {
        "llama.embedding_length": WIDTH, "llama.feed_forward_length": 96, "llama.block_count": 2,
        "llama.attention.head_count": HEADS, "llama.attention.head_count_kv": KV_HEADS, "llama.context_length": 64,
        "llama.attention.layer_norm_rms_epsilon": 1e-5, "llama.rope.freq_base": 100_000.0,
        **{f"tokenizer.ggml.{which}_token_id": 1 for which in ("bos", "eos", "padding", "unknown")},
    }  # fmt: skip
    metadata: dict[str, mx.array | str | list[str]] = {
        **{key: mx.array(number) for key, number in numbers.items()},
        "tokenizer.ggml.tokens": ["<s>", "</s>", *"abcde", "ab"], "tokenizer.ggml.merges": ["a b"],
        "tokenizer.ggml.token_type": mx.array([3, 3] + [1] * 6), "tokenizer.chat_template": "{{ messages }}",
    }  # fmt: skip
    mx.save_gguf(str(tmp_path / "tiny.gguf"), tensors, metadata)
    made = tmp_path / "made"
    made.mkdir()
    smollm2.convert(tmp_path, made, keep_quantized=False)
    converted, tokenizer, *_ = load(str(made))
    ids = mx.array([tokenizer.encode("abcde", add_special_tokens=False)])
    assert ids.tolist() == [[7, 4, 5, 6]]
    assert mx.allclose(converted(ids), model(ids), atol=1e-5)


def test_quantised_weights_mean_the_same_kept_and_in_float32() -> None:
    weights = {"model.norm.weight": mx.ones((64,), mx.float16)}
    for module, bits in (("lm_head", 8), ("a", 4), ("b", 4)):
        packed = mx.quantize(mx.random.normal((32, 64)), group_size=32, bits=bits)
        weights |= {f"{module}.{part}": of for part, of in zip(("weight", "scales", "biases"), packed, strict=True)}
    described = smollm2.quantization(weights)
    assert described == {"group_size": 32, "bits": 4, "lm_head": {"group_size": 32, "bits": 8}}
    dense = smollm2.dequantize(weights)
    assert set(dense) == {"model.norm.weight", "lm_head.weight", "a.weight", "b.weight"}
    assert all(array.dtype == mx.float32 for array in dense.values())
    x = mx.random.normal((1, 64))
    weight, scales, biases = (weights[f"lm_head.{part}"] for part in ("weight", "scales", "biases"))
    kept = mx.quantized_matmul(x, weight, scales, biases, group_size=32, bits=8)
    assert mx.allclose(x @ dense["lm_head.weight"].T, kept, atol=1e-3)
