"""A folder that cannot be served is refused with a sentence that says why."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from mlxq.entries.embeddings import EmbeddingsEntry, EmbeddingsOptions, Pooling
from mlxq.settings import Settings
from tests.workers.engines.encoders import tiny
from workers import blas

blas.preload()

from safetensors.numpy import load_file, save_file  # noqa: E402

from workers.engines import embeddings  # noqa: E402
from workers.engines.encoders import pooling  # noqa: E402
from workers.engines.encoders.checkpoint import UnusableModel  # noqa: E402

Spoil = Callable[[Path], Any]


def load(folder: Path, **options: Any) -> embeddings.EmbeddingEngine:
    return embeddings.load(
        EmbeddingsEntry(model_path=str(folder), options=EmbeddingsOptions(**options)), Settings(home=folder)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny.sentence_model(tmp_path / "model", tiny.SENTENCES["mean"])


def config(**changes: Any) -> Spoil:
    """Sets values of config.json, and takes out those that are None."""

    def spoil(folder: Path) -> None:
        kept = {**json.loads((folder / "config.json").read_text()), **changes}
        (folder / "config.json").write_text(
            json.dumps({name: value for name, value in kept.items() if value is not None})
        )

    return spoil


def text(path: str, content: str) -> Spoil:
    return lambda folder: (folder / path).write_text(content)


def gone(*paths: str) -> Spoil:
    return lambda folder: [(folder / path).unlink() for path in paths]


def modules(*kinds: str) -> Spoil:
    listed = [
        {"idx": at, "name": str(at), "path": f"{at}_X" if at else "", "type": kind} for at, kind in enumerate(kinds)
    ]
    return text("modules.json", json.dumps(listed))


def weights(**changes: Any) -> Spoil:
    def spoil(folder: Path) -> None:
        kept = load_file(folder / "model.safetensors")
        name = "encoder.layer.1.output.dense.weight"
        if changes.get("without"):
            del kept[name]
        else:
            kept[name] = kept[name][:, :4].copy()
        save_file(kept, folder / "model.safetensors")

    return spoil


def late(folder: Path) -> None:
    """As mlx-embeddings' conversion of LFM2-ColBERT leaves it."""
    gone("modules.json", "config_sentence_transformers.json")(folder)
    kept = load_file(folder / "model.safetensors")
    save_file(
        {**kept, "dense.0.weight": kept["encoder.layer.1.attention.self.key.weight"]}, folder / "model.safetensors"
    )


TRANSFORMER = "sentence_transformers.models.Transformer"
SIGLIP = {
    "model_type": "siglip",
    "text_config": {"model_type": "siglip_text_model"},
    "vision_config": {"patch_size": 16},
}
REFUSED: dict[str, tuple[Spoil, str]] = {
    "no config": (gone("config.json"), "holds no config.json with a 'model_type'"),
    "a config that is not an object": (text("config.json", "[1]"), "must hold a JSON object"),
    "a config that is cut off": (text("config.json", '{"model_type": "be'), "not readable as JSON"),
    "no architecture": (config(model_type=None), "no config.json with a 'model_type'"),
    "an unknown architecture": (config(model_type="t5"), "the architecture 't5' is not served"),
    "a path instead of an architecture's name": (
        config(model_type="../bert"),
        "the architecture '../bert' is not served",
    ),
    "a missing size": (config(hidden_size=None), "lacks 'hidden_size'"),
    "an unknown activation": (config(hidden_act="quick"), "activation 'quick' is not known"),
    "positions of another kind": (config(position_embedding_type="alibi"), "positions are 'alibi'"),
    "a size other than that of the weights": (
        config(vocab_size=65),
        r"has the shape \(64, 16\), and config.json says \(65, 16\)",
    ),
    "no weights": (gone("model.safetensors"), "holds no weights as model.safetensors"),
    "weights of torch": (
        lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"),
        "but pytorch_model.bin; convert it",
    ),
    "weights that are cut off": (
        lambda folder: (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:900]),
        "not readable as safetensors",
    ),
    "a pointer instead of weights": (
        text("model.safetensors", "version https://git-lfs"),
        "not readable as safetensors",
    ),
    "a weight too few": (weights(without=True), "its weights lack layers.1.down.weight"),
    "a weight too narrow": (weights(), "has the shape"),
    "no tokenizer": (gone("tokenizer.json", "tokenizer_config.json"), "the tokenizer in"),
    "a tokenizer that is cut off": (text("tokenizer.json", '{"version": '), "the tokenizer in"),
    "ColBERT by its name": (config(architectures=["HF_ColBERT"]), "a vector of each token"),
    "ColBERT by its own file": (text("artifact.metadata", "{}"), "a vector of each token"),
    "PyLate's ColBERT": (modules(TRANSFORMER, "pylate.models.Dense.Dense"), "a vector of each token"),
    "what is not pooled": (modules(TRANSFORMER, "sentence_transformers.models.Normalize"), "a vector of each token"),
    "what is compared by MaxSim": (
        text("config_sentence_transformers.json", '{"similarity_fn_name": "MaxSim"}'),
        "a vector of each token",
    ),
    "ColBERT as mlx-embeddings converts it": (late, "late-interaction"),
    "SigLIP": (text("config.json", json.dumps(SIGLIP)), "images or sounds"),
    "an unknown module": (
        modules(TRANSFORMER, "sentence_transformers.models.CNN", "sentence_transformers.models.Pooling"),
        "a module that is not known: sentence_transformers.models.CNN",
    ),
    "static embeddings": (modules("sentence_transformers.models.StaticEmbedding"), "does not begin with a Transformer"),
    "modules that are none": (text("modules.json", '{"0": "bert"}'), "must list modules"),
    "a pooling that is not there": (gone("1_Pooling/config.json"), "options: {pooling: cls}"),
    "a pooling of no kind": (text("1_Pooling/config.json", '{"pooling_mode_mean_tokens": false}'), "names no pooling"),
    "a pooling of an unknown kind": (text("1_Pooling/config.json", '{"pooling_mode": "best"}'), "names no pooling"),
    "prompts that are none": (text("config_sentence_transformers.json", '{"prompts": ["query: "]}'), "must be texts"),
    "a usual prompt that is not there": (
        text("config_sentence_transformers.json", '{"prompts": {}, "default_prompt_name": "query"}'),
        "the default prompt 'query' is not among",
    ),
    "a reranker": (
        lambda folder: (gone("modules.json")(folder), config(architectures=["BertForSequenceClassification"])(folder)),
        "scores",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_served_is_refused_with_a_sentence(name: str, folder: Path) -> None:
    spoil, sentence = REFUSED[name]
    spoil(folder)
    with pytest.raises(UnusableModel, match=sentence) as caught:
        load(folder)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


@pytest.mark.parametrize("name", ["siglip-base-patch16-224", "my pictures", "x"])
def test_siglip_is_refused_whatever_its_folder_is_called(name: str, tmp_path: Path) -> None:
    tiny.write(tmp_path / name, SIGLIP, {})
    with pytest.raises(UnusableModel, match="images or sounds"):
        load(tmp_path / name)


def test_the_models_file_may_say_the_pooling(folder: Path) -> None:
    gone("1_Pooling/config.json")(folder)
    assert load(folder, pooling="cls").details.dimensions == 16


def test_the_models_file_knows_every_pooling() -> None:
    assert get_args(Pooling) == pooling.MODES
