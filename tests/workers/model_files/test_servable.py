"""What a model's files tell: as what it can be served, whether they are whole, and what memory it takes."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from workers.engines.text.measured import outcomes
from workers.model_files.servable import broken, fit, model_type

CONFIGS: list[tuple[str, dict[str, Any], dict[str, Any], str | None]] = [
    ("qwen3", {"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"]}, {}, "lm"),
    ("old", {"model_type": "llama"}, {}, "lm"),
    ("vl", {"model_type": "qwen2_vl", "vision_config": {}}, {}, "multimodal"),
    ("omni", {"model_type": "qwen3_omni", "audio_config": {}}, {}, "multimodal"),
    ("bert", {"model_type": "bert", "architectures": ["BertModel"]}, {}, "embeddings"),
    ("sentences", {"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"]}, {"modules.json": []}, "embeddings"),
    ("Qwen3-Embedding-0.6B", {"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"]}, {}, "embeddings"),
    ("cross", {"model_type": "bert", "architectures": ["BertForSequenceClassification"]}, {}, "rerank"),
    ("Qwen3-Reranker-0.6B", {"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"]}, {}, "rerank"),
    ("whisper", {"n_mels": 80, "n_audio_state": 384}, {}, "whisper"),
    ("voice", {"model_type": "soprano"}, {}, "text-to-speech"),
    ("pocket", {"flow_lm": {}, "mimi": {}}, {}, "text-to-speech"),
    ("whisper-hf", {"model_type": "whisper"}, {}, "whisper"),
    ("flux", {}, {"model_index.json": {"_class_name": "FluxPipeline"}}, "image-generation"),
    ("kontext", {}, {"model_index.json": {"_class_name": "FluxKontextPipeline"}}, "image-edit"),
    ("nothing", {"name": "x"}, {}, None),
]


def folder(path: Path, config: dict[str, Any], others: dict[str, Any]) -> Path:
    path.mkdir()
    for name, content in {"config.json": config, **others}.items():
        (path / name).write_text(json.dumps(content))
    return path


def weights(path: Path, size: int = 64, written: int | None = None) -> None:
    """A file of weights of this size, of which so much was written."""
    header = json.dumps({"a": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    content = struct.pack("<Q", len(header)) + header + bytes(size)
    path.write_bytes(content[: None if written is None else len(content) - size + written])


@pytest.mark.parametrize(("name", "config", "others", "expected"), CONFIGS, ids=lambda value: str(value)[:20])
def test_the_files_tell_the_model_type(
    name: str, config: dict[str, Any], others: dict[str, Any], expected: str | None, tmp_path: Path
) -> None:
    assert model_type(name, folder(tmp_path / name, config, others), config) == expected


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"model_type": "qwen3"}, None),
        ({"model_type": "phi-msft"}, None),  # mlx-lm has it under another name
        ({"model_type": "gpt9"}, "the installed mlx-lm has no architecture 'gpt9'"),
        ({"model_type": "olmo"}, "'olmo' of mlx-lm needs packages that are not installed: hf_olmo"),
        ({"model_type": "qwen2_vl", "vision_config": {}}, None),
        ({"model_type": "gpt9_vl", "vision_config": {}}, "the installed mlx-vlm has no architecture 'gpt9_vl'"),
        ({"model_type": "xlm-roberta", "architectures": ["XLMRobertaModel"]}, None),
        ({"model_type": "bert9", "architectures": ["Bert9Model"]}, "no architecture 'bert9'"),
        ({"name": "x"}, "not those of a model that is known here"),
    ],
)
def test_what_is_not_supported_is_told(config: dict[str, Any], reason: str | None, tmp_path: Path) -> None:
    found = fit("m", folder(tmp_path / "m", config, {}), config).unsupported
    assert found is None if reason is None else found is not None and reason in found


@pytest.mark.parametrize(
    ("config", "way"),
    [
        ({"model_type": "qwen3"}, "together"),
        ({"model_type": "mistral"}, "together"),  # mlx-lm has it under another name
        ({"model_type": "gemma2"}, "in turns: its mask is for one row"),
        ({"model_type": "gpt9"}, None),
        ({"model_type": "bert", "architectures": ["BertModel"]}, None),
    ],
)
def test_whether_rows_of_a_text_model_share_a_batch_is_told(
    config: dict[str, Any], way: str | None, tmp_path: Path
) -> None:
    assert fit("m", folder(tmp_path / "m", config, {}), config).way == way


@pytest.mark.parametrize("name", outcomes())
def test_what_the_table_of_text_architectures_says_is_told(name: str, tmp_path: Path) -> None:
    """The documents' table is made of the same outcomes."""
    config, outcome = {"model_type": name}, outcomes()[name]
    found = fit("m", folder(tmp_path / "m", config, {}), config)
    if outcome.served:
        assert found.way == (f"in turns: {outcome.turns}" if outcome.turns else "together")
    else:
        assert outcome.reason in (found.unsupported or found.way or "")


def test_memory_is_that_of_the_weights_and_of_a_token_in_every_layer(tmp_path: Path) -> None:
    config = {"model_type": "qwen3", "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 8}
    made = folder(tmp_path / "m", config | {"head_dim": 128}, {})
    weights(made / "model.safetensors", 1000)
    found = fit("m", made, config | {"head_dim": 128})
    assert found.kv_bytes == 28 * 2 * 8 * 128 * 2 and found.weights == (made / "model.safetensors").stat().st_size
    nested = {"model_type": "qwen2_vl", "vision_config": {}, "text_config": config | {"hidden_size": 1024}}
    assert fit("m", made, nested).kv_bytes == 28 * 2 * 8 * 64 * 2
    (made / "model.safetensors").unlink()
    assert fit("m", made, {"model_type": "mamba"}).kv_bytes is None and fit("m", made, config).weights is None
    (made / "model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": 5}, "weight_map": {}}))
    assert fit("m", made, config).weights == 5


def test_files_that_are_missing_or_were_cut_off_are_named(tmp_path: Path) -> None:
    made = folder(
        tmp_path / "m",
        {},
        {"model.safetensors.index.json": {"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}},
    )
    assert list(broken(made)) == ["the weights are not here"]
    weights(made / "1.safetensors")
    assert list(broken(made)) == ["2.safetensors is missing"]
    weights(made / "2.safetensors", 64, 60)
    (whole,) = broken(made)
    assert whole.startswith("2.safetensors was not fetched to its end: ")
    (made / "2.safetensors").write_bytes(b"<html>no such file")
    assert list(broken(made)) == ["2.safetensors is not a file of weights"]
    weights(made / "2.safetensors")
    assert list(broken(made)) == []


@pytest.mark.parametrize(
    ("config", "way"),
    [
        ({"model_type": "qwen2_vl", "vision_config": {}}, "together, its media piece by piece"),
        ({"model_type": "mistral3", "vision_config": {}}, "together: a batch says"),
        ({"model_type": "llama4", "vision_config": {}}, "in turns: its layers keep a ChunkedKVCache"),
        (
            {"model_type": "sam3", "vision_config": {}},
            "together or in turns, as a trial finds when the model is loaded; ",
        ),
        ({"model_type": "gpt9_vl", "vision_config": {}}, None),
    ],
)
def test_which_way_a_multimodal_model_takes_is_told(config: dict[str, Any], way: str | None, tmp_path: Path) -> None:
    told = fit("m", folder(tmp_path / "m", config, {}), config).way
    assert told is None if way is None else told is not None and told.startswith(way)
