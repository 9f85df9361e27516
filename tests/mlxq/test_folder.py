"""A folder of models: what lies in it is served on demand, as what its files say it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlxq import configuration
from mlxq.catalogue import Catalogue, CatalogueError
from mlxq.entries.image_edit import ImageEditEntry
from mlxq.entries.image_generation import ImageGenerationEntry

LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}
BERT = {"model_type": "bert", "architectures": ["BertModel"]}
QWEN = {"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"]}
# By the folder's name, its files and what it is; the weights are always there.
KINDS: dict[str, tuple[dict[str, Any], str]] = {
    "llama": ({"config.json": LLAMA}, "lm"),
    "gpt-oss": ({"config.json": {"model_type": "gpt_oss"}}, "lm"),
    "vl": ({"config.json": {"model_type": "qwen2_5_vl", "vision_config": {}}}, "multimodal"),
    "omni": ({"config.json": {"model_type": "qwen3_omni_moe", "audio_config": {}}}, "multimodal"),
    "llava": ({"config.json": {**LLAMA, "mm_vision_tower": "clip"}}, "multimodal"),
    "bert": ({"config.json": BERT}, "embeddings"),
    "masked": ({"config.json": {"model_type": "modernbert", "architectures": ["ModernBertForMaskedLM"]}}, "embeddings"),
    "sentences": ({"config.json": QWEN, "modules.json": []}, "embeddings"),
    "Qwen3-Embedding-0.6B": ({"config.json": QWEN}, "embeddings"),
    "cross": ({"config.json": {**BERT, "architectures": ["BertForSequenceClassification"]}}, "rerank"),
    "Qwen3-Reranker-0.6B": ({"config.json": QWEN}, "rerank"),
    "crossed": (
        {"config.json": QWEN, "config_sentence_transformers.json": {"model_type": "CrossEncoder"}, "modules.json": []},
        "rerank",
    ),
    "whisper": ({"config.json": {"model_type": "whisper"}}, "whisper"),
    "ear": ({"config.json": {"model_type": "moonshine"}}, "speech-to-text"),
    "voxtral": ({"config.json": {"model_type": "voxtral", "audio_config": {}}}, "speech-to-text"),
    "parakeet": ({"config.json": {"target": "nemo.collections.asr.models.rnnt_bpe_models.X"}}, "speech-to-text"),
    "voice": ({"config.json": {"model_type": "qwen3_tts"}}, "text-to-speech"),
    "soprano": ({"config.json": {"model_type": "soprano", "vocab_size": 8192}}, "text-to-speech"),
    "Kokoro-82M": ({"config.json": {"istftnet": {}, "plbert": {}, "n_mels": 80}}, "text-to-speech"),
    "orpheus-3b": ({"config.json": {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}}, "text-to-speech"),
    "Qwen3-0.6B": ({"config.json": {"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"]}}, "lm"),
    "converted": ({"config.json": {"n_mels": 80, "n_audio_state": 384, "n_vocab": 51864}}, "whisper"),
}
# The kind of image model by the name of the folder, its pipeline and its transformer's config.
PICTURES: dict[str, tuple[str | None, dict[str, Any], str]] = {
    "FLUX.1-schnell": ("FluxPipeline", {"guidance_embeds": False}, "flux-schnell"),
    "mine": ("FluxPipeline", {"guidance_embeds": False}, "flux-schnell"),
    "guided": ("FluxPipeline", {"guidance_embeds": True}, "flux-dev"),
    "FLUX.1-Kontext-dev": ("FluxKontextPipeline", {"guidance_embeds": True}, "flux-kontext-dev"),
    "FLUX.2-klein-9B": ("Flux2KleinPipeline", {}, "flux2-klein-9b"),
    "Qwen-Image-Edit": ("QwenImageEditPipeline", {}, "qwen-image-edit"),
    "Z-Image": ("ZImagePipeline", {}, "z-image"),
    "Z-Image-Turbo-4bit": ("ZImagePipeline", {}, "z-image-turbo"),
    "my-qwen-image-8bit": (None, {}, "qwen-image"),
}


def put(folder: Path, **files: Any) -> Path:
    for name, value in {"model.safetensors": None, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("" if value is None else json.dumps(value))
    return folder


def served(folder: Path, *models: Any) -> Catalogue:
    return Catalogue.parse({"models": list(models), "server": {"model_dir": str(folder)}}, "test")


@pytest.mark.parametrize("name", KINDS)
def test_a_model_is_what_its_files_say(tmp_path: Path, name: str) -> None:
    files, kind = KINDS[name]
    put(tmp_path / name, **files)
    (entry,) = served(tmp_path)
    assert (entry.name, entry.model_type, entry.on_demand) == (name, kind, True)
    assert entry.model_path == str(tmp_path / name)


@pytest.mark.parametrize("name", PICTURES)
def test_an_image_model_is_of_the_kind_of_its_pipeline_that_its_name_says(tmp_path: Path, name: str) -> None:
    pipeline, config, kind = PICTURES[name]
    put(tmp_path / name, **{"transformer/config.json": config, "vae/config.json": {}})
    if pipeline:
        put(tmp_path / name, **{"model_index.json": {"_class_name": pipeline}})
    (entry,) = served(tmp_path)
    assert isinstance(entry, ImageEditEntry if "edit" in kind or "kontext" in kind else ImageGenerationEntry)
    assert entry.config_name == kind


def test_owners_and_the_hub_s_cache_are_folders_between(tmp_path: Path) -> None:
    put(tmp_path / "mlx-community" / "Llama-4bit", **{"config.json": LLAMA})
    cached = tmp_path / "models--BAAI--bge-small"
    put(cached / "snapshots" / "abc", **{"config.json": BERT})
    put(cached / "snapshots" / "old", **{"config.json": LLAMA})
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("abc")
    names = {entry.name: entry.model_type for entry in served(tmp_path)}
    assert names == {"mlx-community/Llama-4bit": "lm", "BAAI/bge-small": "embeddings"}


def test_what_is_no_model_is_passed_over(tmp_path: Path) -> None:
    put(tmp_path / "model", **{"config.json": LLAMA})
    put(tmp_path / "adapter", **{"adapter_config.json": {}})
    put(tmp_path / "broken", **{"config.json": []})
    put(tmp_path / "unknown", **{"config.json": {"hidden_size": 4}})
    put(tmp_path / "a name with spaces", **{"config.json": LLAMA})
    put(tmp_path / ".hidden", **{"config.json": LLAMA})
    put(tmp_path / "video", **{"model_index.json": {"_class_name": "WanPipeline"}})
    (tmp_path / "empty").mkdir()
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished" / "config.json").write_text(json.dumps(LLAMA))
    assert [entry.name for entry in served(tmp_path)] == ["model"]


def test_an_entry_of_the_file_goes_before_the_folder(tmp_path: Path) -> None:
    for name in ("first", "second", "third"):
        put(tmp_path / name, **{"config.json": LLAMA})
    named = {"model_path": str(tmp_path / "first"), "served_model_name": "mine"}
    catalogue = served(tmp_path, named, {"model_path": "elsewhere", "aliases": ["second"]})
    assert {entry.name: entry.on_demand for entry in catalogue} == {"mine": False, "elsewhere": False, "third": True}


def test_a_folder_that_is_not_there_or_holds_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="no such folder"):
        served(tmp_path / "none")
    with pytest.raises(CatalogueError, match="no model in this folder"):
        served(tmp_path)
    assert len(served(tmp_path, {"model_path": "x"}).models) == 1


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    put(tmp_path / "here" / "model", **{"config.json": LLAMA})
    put(tmp_path / "there" / "other", **{"config.json": LLAMA})
    config = tmp_path / "models.yaml"
    config.write_text(f"server: {{model_dir: {tmp_path / 'there'}}}")
    environ = {"MLXQ_CONFIG": str(config), "MLXQ_HOME": str(tmp_path / "var")}
    assert list(configuration.checked(environ)[1].models) == ["other"]
    environ["MLXQ_MODEL_DIR"] = str(tmp_path / "here")
    assert list(configuration.checked(environ)[1].models) == ["model"]
