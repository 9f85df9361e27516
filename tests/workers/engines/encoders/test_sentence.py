"""Vectors are those of sentence-transformers with the same files; `references.py` wrote these down."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlxq.entries.embeddings import EmbeddingsEntry
from mlxq.settings import Settings
from tasks.values.model import Details
from tests.workers.engines.encoders import tiny
from tests.workers.engines.rows import embedding, run, vectors
from workers import blas

blas.preload()

from workers.engines import embeddings  # noqa: E402

REFERENCES = json.loads((tiny.REFERENCES / "sentences.json").read_text())


def engine(folder: Path, **more: Any) -> embeddings.EmbeddingEngine:
    return embeddings.load(EmbeddingsEntry(model_path=str(folder), **more), Settings(home=folder))


@pytest.mark.parametrize("name", tiny.SENTENCES)
def test_vectors_are_those_of_sentence_transformers(name: str, tmp_path: Path) -> None:
    case = tiny.SENTENCES[name]
    made = engine(tiny.sentence_model(tmp_path, case))
    options = {"prompt_name": case.get("prompt_name"), "truncate": "end"}
    together = vectors(run(made, embedding(*tiny.TEXTS, **options)), "0")
    np.testing.assert_allclose(together, REFERENCES[name], atol=1e-4)


def test_a_folder_without_files_of_sentence_transformers_is_the_mean_of_all_tokens(tmp_path: Path) -> None:
    tiny.sentence_model(tmp_path, tiny.SENTENCES["mean"])
    (tmp_path / "modules.json").unlink()
    for path in ("1_Pooling/config.json", "sentence_bert_config.json", "config_sentence_transformers.json"):
        (tmp_path / path).unlink()
    np.testing.assert_allclose(
        vectors(run(engine(tmp_path), embedding(*tiny.TEXTS)), "0"), REFERENCES["mean"], atol=1e-4
    )


def test_a_causal_network_without_such_files_is_its_last_token(tmp_path: Path) -> None:
    reference = json.loads((tiny.REFERENCES / "qwen3.json").read_text())
    made = engine(tiny.write(tmp_path, tiny.CONFIGS["qwen3"], reference["shapes"]))
    tokens = [tuple(one) for one in reference["inputs"]]
    for vector, states in zip(vectors(run(made, embedding(*tokens)), "0"), reference["states"], strict=True):
        last = np.array(states[-1])
        np.testing.assert_allclose(vector, last / np.linalg.norm(last), atol=1e-4)


def test_a_network_may_lie_in_a_folder_of_its_own(tmp_path: Path) -> None:
    tiny.sentence_model(tmp_path, tiny.SENTENCES["cls"])
    inner = tmp_path / "0_Transformer"
    inner.mkdir()
    for file in (
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "sentence_bert_config.json",
    ):
        (tmp_path / file).rename(inner / file)
    modules = json.loads((tmp_path / "modules.json").read_text())
    modules[0]["path"] = "0_Transformer"
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    np.testing.assert_allclose(
        vectors(run(engine(tmp_path), embedding(*tiny.TEXTS)), "0"), REFERENCES["cls"], atol=1e-4
    )


def test_vectors_that_are_not_normalised_are_cut_as_they_are(tmp_path: Path) -> None:
    made = engine(tiny.sentence_model(tmp_path, tiny.SENTENCES["not normalised"]))
    cut = vectors(run(made, embedding(*tiny.TEXTS, dimensions=5)), "0")
    np.testing.assert_allclose(cut, np.array(REFERENCES["not normalised"])[:, :5], atol=1e-4)


def test_the_authors_longest_text_holds_unless_the_models_file_says_another(tmp_path: Path) -> None:
    folder = tiny.sentence_model(tmp_path, tiny.SENTENCES["cut"])
    assert engine(folder).details.context_length == 5
    assert engine(folder, context_length=9).details.context_length == 9
    assert engine(folder, context_length=999).details.context_length == 40


def test_what_a_model_is_told_of_in_the_list_of_models(tmp_path: Path) -> None:
    details = engine(tiny.sentence_model(tmp_path, tiny.SENTENCES["prompt"])).details
    assert details == Details(context_length=40, dimensions=16, prompts=("cat", "passage", "query"))
