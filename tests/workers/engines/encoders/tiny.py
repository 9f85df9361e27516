"""Tiny models for embeddings: folders as Hugging Face has them, whose weights follow from their names.

Needs numpy, safetensors and tokenizers only, as `references.py` uses it beside torch.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

REFERENCES = Path(__file__).with_name("references")
TEXTS = ("the cat sat", "a", "on the mat the cat sat and sat", "  the mat \n", "unknown cat")
PROMPTS = {"query": "find the cat ", "passage": "a mat ", "cat": "cat cat "}
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
_WORDS = ("the", "cat", "sat", "on", "mat", "a", "and", "find", "is", "dog", "big", "small", "##s", "##ed")
_SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
_BERT = {"vocab_size": 64, **_SIZES, "max_position_embeddings": 48}

# What config.json says, by the name of the reference. Real models' files have more of it.
CONFIGS: Mapping[str, Mapping[str, Any]] = {
    "bert": {"model_type": "bert", **_BERT, "type_vocab_size": 2, "pad_token_id": 0},
    "bert-tanh": {"model_type": "bert", **_BERT, "hidden_act": "gelu_new", "layer_norm_eps": 1e-3, "pad_token_id": 0},
    "roberta": {"model_type": "roberta", **_BERT, "type_vocab_size": 1, "pad_token_id": 1},
    "xlm-roberta": {"model_type": "xlm-roberta", **_BERT, "type_vocab_size": 1, "pad_token_id": 1},
    "camembert": {"model_type": "camembert", **_BERT, "type_vocab_size": 1, "pad_token_id": 1},
    "distilbert": {
        "model_type": "distilbert",
        "vocab_size": 64,
        "dim": 16,
        "n_layers": 2,
        "n_heads": 2,
        "hidden_dim": 24,
        "max_position_embeddings": 48,
        "pad_token_id": 0,
    },
    "mpnet": {"model_type": "mpnet", **_BERT, "max_position_embeddings": 202, "pad_token_id": 1},
    "nomic_bert": {"model_type": "nomic_bert", **_BERT, "type_vocab_size": 2, "pad_token_id": 0},
    "gte": {"model_type": "gte", **_BERT, "type_vocab_size": 1, "pad_token_id": 1},
    "gte-untyped": {"model_type": "gte", **_BERT, "type_vocab_size": 0, "pad_token_id": 0},
    "new-ntk": {
        "model_type": "new",
        **_BERT,
        "type_vocab_size": 1,
        "pad_token_id": 1,
        "rope_theta": 20000.0,
        "rope_scaling": {"type": "ntk", "factor": 8.0},
    },
    "jina_embeddings_v3": {"model_type": "jina_embeddings_v3", **_BERT, "type_vocab_size": 1, "pad_token_id": 1},
    "modernbert": {
        "model_type": "modernbert",
        **_BERT,
        "num_hidden_layers": 4,
        "local_attention": 8,
        "global_attn_every_n_layers": 3,
        "global_rope_theta": 160000.0,
        "local_rope_theta": 10000.0,
        "pad_token_id": 0,
    },
    "qwen2": {
        "model_type": "qwen2",
        **_BERT,
        "num_key_value_heads": 1,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1000000.0,
        "tie_word_embeddings": False,
    },
    "qwen2-bidirectional": {
        "model_type": "qwen2",
        **_BERT,
        "num_key_value_heads": 1,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1000000.0,
        "is_causal": False,
    },
    "qwen3": {
        "model_type": "qwen3",
        **_BERT,
        "head_dim": 8,
        "num_key_value_heads": 1,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1000000.0,
        "tie_word_embeddings": True,
    },
    "mistral": {
        "model_type": "mistral",
        **_BERT,
        "head_dim": 8,
        "num_key_value_heads": 2,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "sliding_window": None,
    },
    "llama_bidirec": {
        "model_type": "llama_bidirec",
        **_BERT,
        "head_dim": 8,
        "num_key_value_heads": 2,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
    },
    "gemma3_text": {
        "model_type": "gemma3_text",
        **_BERT,
        "num_hidden_layers": 4,
        "head_dim": 8,
        "num_key_value_heads": 1,
        "query_pre_attn_scalar": 8,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1000000.0,
        "rope_local_base_freq": 10000.0,
        "sliding_window": 8,
        "_sliding_window_pattern": 2,
        "layer_types": ["sliding_attention", "full_attention"] * 2,
        "use_bidirectional_attention": True,
        "hidden_activation": "gelu_pytorch_tanh",
        "pad_token_id": 0,
    },
}

_POOLING = {"type": "sentence_transformers.models.Pooling"}
_NORMALIZE = {"type": "sentence_transformers.models.Normalize"}
_DENSE = {"type": "sentence_transformers.models.Dense", "in_features": 16, "out_features": 12, "bias": True}
_TANH = "torch.nn.modules.activation.Tanh"
_IDENTITY = "torch.nn.modules.linear.Identity"


def pooled(*flags: str, **more: Any) -> dict[str, Any]:
    """A Pooling module with these flags of its modes, and no other."""
    every = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken")
    modes = {f"pooling_mode_{flag}": flag in flags for flag in every}
    return {**_POOLING, "word_embedding_dimension": 16, **modes, **more}


# Modules behind the network, and what sentence_bert_config.json and config_sentence_transformers.json say.
SENTENCES: Mapping[str, Mapping[str, Any]] = {
    "cls": {"modules": [pooled("cls_token"), _NORMALIZE]},
    "mean": {"modules": [pooled("mean_tokens"), _NORMALIZE]},
    "max": {"modules": [pooled("max_tokens"), _NORMALIZE]},
    "mean_sqrt_len_tokens": {"modules": [pooled("mean_sqrt_len_tokens")]},
    "weightedmean": {"modules": [pooled("weightedmean_tokens")]},
    "lasttoken": {"modules": [pooled("lasttoken"), _NORMALIZE]},
    "several": {"modules": [pooled("lasttoken", "cls_token", "mean_tokens", "max_tokens"), _NORMALIZE]},
    "not normalised": {"modules": [pooled("mean_tokens")]},
    "an old file": {"modules": [{**_POOLING, "word_embedding_dimension": 16}]},
    "dense": {"modules": [pooled("mean_tokens"), {**_DENSE, "activation_function": _TANH}]},
    "two dense": {
        "modules": [
            pooled("mean_tokens"),
            {**_DENSE, "out_features": 32, "bias": False, "activation_function": _IDENTITY},
            {**_DENSE, "in_features": 32, "out_features": 8, "bias": False, "activation_function": _IDENTITY},
            _NORMALIZE,
        ]
    },
    "prompt": {"modules": [pooled("mean_tokens"), _NORMALIZE], "prompts": PROMPTS, "prompt_name": "query"},
    "usual prompt": {"modules": [pooled("cls_token")], "prompts": PROMPTS, "default_prompt_name": "passage"},
    "prompt left out": {
        "modules": [pooled("mean_tokens", include_prompt=False), _NORMALIZE],
        "prompts": PROMPTS,
        "prompt_name": "cat",
    },
    "cut": {"modules": [pooled("mean_tokens"), _NORMALIZE], "max_seq_length": 5},
}


def weights(shapes: Mapping[str, Sequence[int]]) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    """Random weights, the same for a name wherever they are made; those of norms are around 1."""
    made = {}
    for name, shape in shapes.items():
        chance = np.random.RandomState(zlib.crc32(name.encode()))
        values = chance.standard_normal(tuple(shape)) * 0.3
        norm = "norm" in name.lower() or "_ln" in name
        made[name] = (values + (norm and name.endswith("weight"))).astype(np.float32)
    return made


def inputs(vocabulary: int = 64, lengths: Sequence[int] = (3, 29, 12)) -> list[list[int]]:
    """Token ids, none of them a padding token."""
    chance = np.random.RandomState(7)
    return [chance.randint(4, vocabulary, length).tolist() for length in lengths]


def shown(length: int) -> list[int]:
    """The tokens of a text whose states are kept for comparison."""
    return sorted({0, 1, length // 2, length - 1})


def write(folder: Path, config: Mapping[str, Any], shapes: Mapping[str, Sequence[int]]) -> Path:
    """The folder of a model with a tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    save_file(weights(shapes), folder / "model.safetensors", metadata={"format": "pt"})
    words(folder)
    return folder


def words(folder: Path) -> None:
    """A WordPiece tokenizer of some words, in lower case, with BERT's special tokens around a text."""
    tokens = {word: number for number, word in enumerate((*_SPECIAL, *_WORDS))}
    backend = Tokenizer(models.WordPiece(tokens, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = [(name, tokens[name]) for name in ("[CLS]", "[SEP]")]
    backend.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B [SEP]", special)
    backend.save(str(folder / "tokenizer.json"))
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    said = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 40, **names}
    (folder / "tokenizer_config.json").write_text(json.dumps(said))


def sentence_model(folder: Path, case: Mapping[str, Any], network: str = "bert") -> Path:
    """The folder of a network with files of sentence-transformers, as one of SENTENCES has them."""
    reference = json.loads((REFERENCES / f"{network}.json").read_text())
    write(folder, CONFIGS[network], reference["shapes"])
    modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
    for number, module in enumerate(case["modules"], 1):
        path = f"{number}_{module['type'].rpartition('.')[2]}"
        modules.append({"idx": number, "name": str(number), "path": path, "type": module["type"]})
        (folder / path).mkdir(exist_ok=True)
        config = {name: value for name, value in module.items() if name != "type"}
        if config:
            (folder / path / "config.json").write_text(json.dumps(config))
        if module["type"].endswith("Dense"):
            shapes = {"linear.weight": (config["out_features"], config["in_features"])}
            save_file(
                weights({**shapes, **({"linear.bias": (config["out_features"],)} if config["bias"] else {})}),
                folder / path / "model.safetensors",
            )
    (folder / "modules.json").write_text(json.dumps(modules))
    limit = {"max_seq_length": case.get("max_seq_length", 40), "do_lower_case": False}
    (folder / "sentence_bert_config.json").write_text(json.dumps(limit))
    names = {"prompts": case.get("prompts", {}), "default_prompt_name": case.get("default_prompt_name")}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(names))
    return folder
