"""A text engine with a tiny random model, so that a thousand requests cost seconds."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402
from mlx.utils import tree_flatten  # noqa: E402
from mlx_lm.models import gemma3_text, lfm2, llama  # noqa: E402
from mlx_lm.tokenizer_utils import TokenizerWrapper  # noqa: E402
from tokenizers import Tokenizer, decoders, models, pre_tokenizers  # noqa: E402
from transformers import PreTrainedTokenizerFast  # noqa: E402

from workers.engines.lm import TextEngine  # noqa: E402
from workers.engines.text.cache import kv  # noqa: E402
from workers.engines.text.cache.prompt_cache import PromptCache  # noqa: E402
from workers.engines.text.output.answer_format import Formats  # noqa: E402
from workers.engines.text.plan import Planner  # noqa: E402
from workers.engines.text.prompts import Prompts  # noqa: E402
from workers.engines.text.sampling.grammar import Grammars  # noqa: E402
from workers.engines.text.sampling.options import Defaults  # noqa: E402
from workers.engines.text.sampling.sampler import Sampler  # noqa: E402
from workers.engines.text.schedule.batch import Batch  # noqa: E402
from workers.engines.text.speculation.draft_model import DraftModel  # noqa: E402
from workers.engines.text.speculation.drafter import Drafter  # noqa: E402

TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% if not loop.last or add_generation_prompt %}</s>"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)


def tokenizer(placed: Mapping[str, int] | None = None) -> TokenizerWrapper:
    """Bytes, and pairs of letters: 256 + 10 × 26 tokens and an end of text; and others that are `placed` at ids."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pairs = [(first, second) for first in "aeioustrnl" for second in "abcdefghijklmnopqrstuvwxyz"]
    vocabulary = {piece: number for number, piece in enumerate([*alphabet, *(a + b for a, b in pairs)])}
    vocabulary |= {"</s>": len(vocabulary), **(placed or {})}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=pairs))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    found = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="</s>", chat_template=TEMPLATE)
    return TokenizerWrapper(found)


def model(seed: int = 0, layers: int = 2, heads: int = 4, vocabulary: int = 517) -> Any:
    """A random Llama in float32 whose logits differ by some units."""
    mx.random.seed(seed)
    arguments = llama.ModelArgs(
        model_type="llama",
        hidden_size=64,
        num_hidden_layers=layers,
        intermediate_size=128,
        num_attention_heads=heads,
        num_key_value_heads=2,
        rms_norm_eps=1e-5,
        vocab_size=vocabulary,
        tie_word_embeddings=False,
    )
    return _decided(llama.Model(arguments))


def windowed(seed: int = 0) -> Any:
    """A random Gemma 3: three of four layers see the last 48 tokens only, in a rotating cache."""
    mx.random.seed(seed)
    arguments = gemma3_text.ModelArgs(
        model_type="gemma3_text",
        hidden_size=64,
        num_hidden_layers=4,
        intermediate_size=128,
        num_attention_heads=4,
        head_dim=32,
        num_key_value_heads=2,
        vocab_size=517,
        query_pre_attn_scalar=32,
        sliding_window=48,
        sliding_window_pattern=4,
    )
    return _decided(gemma3_text.Model(arguments), 4)


def hybrid(seed: int = 0) -> Any:
    """A random LFM2: attention in one layer of three, convolutions whose state cannot be cut in the others."""
    mx.random.seed(seed)
    arguments = lfm2.ModelArgs(
        model_type="lfm2",
        vocab_size=517,
        hidden_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        norm_eps=1e-5,
        conv_bias=False,
        conv_L_cache=3,
        block_dim=64,
        block_multiple_of=16,
        block_ffn_dim_multiplier=1.0,
        block_auto_adjust_ff_dim=False,
        block_ff_dim=128,
        full_attn_idxs=[1],
    )
    return _decided(lfm2.Model(arguments), 1.5)


def save(folder: Path, found: Any | None = None, **config: Any) -> Path:
    """Write a tiny model with its tokenizer as a folder that can be served."""
    folder.mkdir(parents=True, exist_ok=True)
    found = found or model()
    arguments = {key: value for key, value in asdict(found.args).items() if value is not None}
    (folder / "config.json").write_text(json.dumps({**arguments, "max_position_embeddings": 1024, **config}))
    mx.save_safetensors(str(folder / "model.safetensors"), dict(tree_flatten(found.parameters())))
    tokenizer()._tokenizer.save_pretrained(folder)
    return folder


def _decided(made: Any, factor: float = 12) -> Any:
    """Its logits spread out, so that tokens differ clearly in likelihood."""
    head = made.lm_head if "lm_head" in made else made.model.embed_tokens
    head.weight = head.weight * factor
    mx.eval(made.parameters())
    return made


def engine(
    found: Any | None = None,
    *,
    slots: int = 16,
    prompts_at_once: int = 4,
    chunk: int = 64,
    prompts: PromptCache | None = None,
    quantisation: kv.Quantisation | None = None,
    max_kv_bytes: float = math.inf,
    context: int = 1024,
    draft: Any | None = None,
    drafter: Drafter | None = None,
    shared: bool = False,
) -> TextEngine:
    """An engine of that model; without a prompt cache unless one is given."""
    found, words = found or model(), tokenizer()
    caches = kv.Kv(found, quantisation)
    kept = PromptCache(0) if prompts is None else prompts
    sampler = Sampler(words.eos_token_ids)
    drafting = drafter if draft is None else DraftModel(draft, kv.Kv(draft), sampler, count=3, width=517)

    def new_batch() -> Batch:
        return Batch(
            found,
            caches,
            sampler,
            kept,
            slots=slots,
            prompts_at_once=prompts_at_once,
            chunk=chunk,
            max_kv_bytes=max_kv_bytes,
            drafter=drafting,
        )

    formats = Formats.of(TEMPLATE, (), None, None)
    prompts = Prompts(words, context, 517, formats)
    grammars = Grammars(words._tokenizer, 517, words.eos_token_ids)
    return TextEngine(new_batch, words, prompts, Planner(prompts, Defaults(), formats, grammars), slots, shared=shared)
