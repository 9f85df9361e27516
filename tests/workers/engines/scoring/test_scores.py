"""Scores are those of the models' authors: sentence-transformers' CrossEncoder, and Qwen3-Reranker's own example."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import pytest

from mlxq.entries.rerank import RerankOptions
from tests.workers.engines.rows import run
from tests.workers.engines.scoring.rerankers import (
    CROSS_ENCODERS,
    FIXTURES,
    GENERATIVE,
    NEAR,
    asking,
    expected,
    load,
    pairs,
    scores,
    told,
)
from workers.engines.encoders.checkpoint import UnusableModel
from workers.engines.scoring import activation, template


def copy(name: str, folder: Path, **config: Any) -> Path:
    """A fixture with another configuration; a value of None takes a key out."""
    shutil.copytree(FIXTURES / name, folder)
    file = folder / "config.json"
    written = {**json.loads(file.read_text()), **config}
    file.write_text(json.dumps({key: value for key, value in written.items() if value is not None}))
    return folder


@pytest.mark.parametrize("name", [*CROSS_ENCODERS, *GENERATIVE])
def test_scores_are_those_of_the_authors_library(name: str) -> None:
    wanted = expected(name)["scores"]
    assert max(wanted) - min(wanted) > 0.05, "the fixture tells nothing apart"
    assert scores(load(name), pairs(name)) == pytest.approx(wanted, abs=NEAR)


@pytest.mark.parametrize("name", [*CROSS_ENCODERS, "qwen3_classifier"])
def test_without_the_activation_scores_are_logits(name: str) -> None:
    assert scores(load(name), pairs(name), activation=False) == pytest.approx(expected(name)["logits"], abs=NEAR)


def test_without_the_activation_a_generative_reranker_tells_log_odds() -> None:
    found = scores(load("qwen3"), pairs("qwen3"), activation=False)
    assert list(map(activation.sigmoid, found)) == pytest.approx(expected("qwen3")["scores"], abs=NEAR)


def test_an_instruction_takes_the_place_of_the_model_s_own() -> None:
    wanted = expected("qwen3")
    found = scores(load("qwen3"), pairs("qwen3"), instruction=wanted["instruction"])
    assert found == pytest.approx(wanted["instructed"], abs=NEAR)
    assert found != pytest.approx(wanted["scores"], abs=NEAR)


def test_a_generative_reranker_s_prompt_is_cut_at_its_document_s_end() -> None:
    wanted = expected("qwen3")
    most = wanted["short_tokens"]
    assert wanted["short"] != pytest.approx(wanted["scores"], abs=NEAR)
    for found in (
        scores(load("qwen3", context_length=most), pairs("qwen3")),
        scores(load("qwen3"), pairs("qwen3"), max_pair_tokens=most),
    ):
        assert found == pytest.approx(wanted["short"], abs=NEAR)


@pytest.mark.parametrize(
    ("config", "apply"),
    [
        ({}, activation.sigmoid),
        ({"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"}, activation.identity),
        ({"sbert_ce_default_activation_function": "torch.nn.modules.activation.Sigmoid"}, activation.sigmoid),
        ({"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}}, activation.identity),
        ({"sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Sigmoid"}}, activation.sigmoid),
        (
            {
                "sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"},
                "sbert_ce_default_activation_function": "torch.nn.modules.activation.Sigmoid",
            },
            activation.identity,
        ),
        ({"sentence_transformers": {"version": "4.1.0"}}, activation.sigmoid),
    ],
)
def test_the_activation_is_the_configuration_s(config: dict[str, Any], apply: Any, tmp_path: Path) -> None:
    engine = load(copy("bert", tmp_path / "model", **config))
    wanted = list(map(apply, expected("bert")["logits"]))
    assert scores(engine, pairs("bert")) == pytest.approx(wanted, abs=NEAR)


def test_a_size_that_config_json_leaves_out_is_the_architecture_s(tmp_path: Path) -> None:
    engine = load(copy("bert", tmp_path / "model", type_vocab_size=None, hidden_act=None, layer_norm_eps=None))
    assert scores(engine, pairs("bert")) == pytest.approx(expected("bert")["scores"], abs=NEAR)


@pytest.mark.parametrize("logit", [-1e9, -800.0, -1.0, 0.0, 1.0, 800.0, 1e9])
def test_a_sigmoid_never_overflows(logit: float) -> None:
    assert 0 <= activation.sigmoid(logit) <= 1
    assert activation.sigmoid(logit) + activation.sigmoid(-logit) == pytest.approx(1)


@pytest.mark.parametrize("name", [*CROSS_ENCODERS, *GENERATIVE])
def test_a_score_is_the_same_in_any_company(name: str) -> None:
    engine, some = load(name), pairs(name)
    together = told(run(engine, *(asking(query, [document]) for query, document in some * 4)), "7")
    (alone,) = scores(engine, some[7 % len(some) :][:1])
    assert together == [pytest.approx(alone, abs=NEAR)]


def test_one_query_is_scored_with_every_document() -> None:
    engine = load("bert")
    query, documents = "What is the capital of France?", [document for _, document in pairs("bert")]
    assert told(run(engine, asking(query, documents))) == pytest.approx(
        scores(engine, [(query, document) for document in documents]), abs=NEAR
    )


def test_a_checkpoint_with_flash_attention_s_names_is_the_same_model(tmp_path: Path) -> None:
    folder = copy("xlm_roberta", tmp_path / "model")
    weights = mx.load(str(folder / "model.safetensors"))
    renamed = {}
    for name, weight in weights.items():
        for usual, theirs in (
            ("embeddings.LayerNorm.", "emb_ln."),
            ("encoder.layer.", "encoder.layers."),
            ("attention.output.dense.", "mixer.out_proj."),
            ("attention.output.LayerNorm.", "norm1."),
            ("intermediate.dense.", "mlp.fc1."),
            ("output.dense.", "mlp.fc2."),
            ("output.LayerNorm.", "norm2."),
        ):
            name = name.replace(usual, theirs)
        renamed[name] = weight
    for name in [name for name in renamed if ".attention.self.query." in name]:
        parts = [renamed.pop(name.replace("query", part)) for part in ("query", "key", "value")]
        renamed[name.replace("attention.self.query", "mixer.Wqkv")] = mx.concatenate(parts)
    mx.save_safetensors(str(folder / "model.safetensors"), renamed)
    assert scores(load(folder), pairs("xlm_roberta")) == pytest.approx(expected("xlm_roberta")["scores"], abs=NEAR)


def test_a_quantised_head_is_read(tmp_path: Path) -> None:
    folder = copy("qwen3", tmp_path / "model", tie_word_embeddings=False, quantization={"group_size": 32, "bits": 8})
    weights = mx.load(str(folder / "model.safetensors"))
    matrix = weights["model.embed_tokens.weight"]
    for layer in ("lm_head", "model.embed_tokens"):
        parts = mx.quantize(matrix, group_size=32, bits=8)
        weights |= {f"{layer}.{name}": part for name, part in zip(("weight", "scales", "biases"), parts, strict=True)}
    mx.save_safetensors(str(folder / "model.safetensors"), weights)
    assert scores(load(folder), pairs("qwen3")) == pytest.approx(expected("qwen3")["scores"], abs=0.05)


OTHER = "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}[answer]"


def test_a_template_of_the_model_or_of_the_models_file_goes_before_the_built_in_one(tmp_path: Path) -> None:
    other = tmp_path / "other.jinja"
    other.write_text(OTHER)
    by_file = scores(load("qwen3", chat_template_file=str(other)), pairs("qwen3"))
    folder = copy("qwen3", tmp_path / "model")
    (folder / "chat_template.jinja").write_text(OTHER.replace("[answer]", "{# a query and a document #}[answer]"))
    assert scores(load(folder), pairs("qwen3")) == pytest.approx(by_file, abs=NEAR)
    assert by_file != pytest.approx(expected("qwen3")["scores"], abs=NEAR)


def test_other_tokens_may_stand_for_no_and_yes() -> None:
    usual = scores(load("qwen3"), pairs("qwen3"), activation=False)
    swapped = scores(load("qwen3", options=RerankOptions(labels=("yes", "no"))), pairs("qwen3"), activation=False)
    assert swapped == pytest.approx([-score for score in usual], abs=NEAR)


@pytest.mark.parametrize(
    ("name", "config", "keys", "reason"),
    [
        ("bert", {"sentence_transformers": {"activation_fn": "my.module.Cubed"}}, {}, "my.module.Cubed"),
        ("bert", {"model_type": "deberta"}, {}, "deberta"),
        ("qwen3", {"model_type": "llama"}, {}, "chat_template_file"),
        ("qwen3", {}, {"options": RerankOptions(labels=("no way", "yes"))}, "one token each"),
        ("qwen3", {}, {"chat_template_file": "/none/here.jinja"}, "here.jinja"),
    ],
)
def test_what_cannot_be_served_says_why(
    name: str, config: dict[str, Any], keys: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(UnusableModel, match=reason):
        load(copy(name, tmp_path / "model", **config), **keys)


def test_a_template_that_shows_no_document_is_refused(tmp_path: Path) -> None:
    (tmp_path / "none.jinja").write_text("{{ messages[0].content }}")
    with pytest.raises(UnusableModel, match="document"):
        load("qwen3", chat_template_file=str(tmp_path / "none.jinja"))


def test_an_embedding_model_and_a_classifier_of_more_are_no_rerankers(tmp_path: Path) -> None:
    folder = copy("bert", tmp_path / "embeds")
    weights = mx.load(str(folder / "model.safetensors"))
    kept = {name: weight for name, weight in weights.items() if not name.startswith("classifier.")}
    mx.save_safetensors(str(folder / "model.safetensors"), kept)
    with pytest.raises(UnusableModel, match="embedding model"):
        load(folder)
    folder = copy("bert", tmp_path / "classifies")
    layer = nn.Linear(32, 3)
    mx.save_safetensors(
        str(folder / "model.safetensors"), {**weights, "classifier.weight": layer.weight, "classifier.bias": layer.bias}
    )
    with pytest.raises(UnusableModel, match="3 classes"):
        load(folder)


def test_the_built_in_prompt_is_the_authors() -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(FIXTURES / "qwen3")
    before, after = template.chosen(tokenizer, {"model_type": "qwen3"}, None).around("the query", None)
    assert before.startswith(
        "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query "
    )
    assert before.endswith(
        "<|im_end|>\n<|im_start|>user\n<Instruct>: Given a web search query, retrieve relevant passages that answer "
        "the query\n<Query>: the query\n<Document>: "
    )
    assert after == "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
