"""Every key of a text model's entry does what it says, or is refused at start with what to change."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from mlxq.entries.lm import LmEntry
from mlxq.model_path import ModelPathError
from mlxq.settings import Settings
from tests.workers.engines.rows import Batch, chat, job
from tests.workers.engines.text import tiny

import mlx.core as mx  # isort: skip
from mlx.utils import tree_flatten  # isort: skip
from mlx_lm.tuner.utils import linear_to_lora_layers  # isort: skip

from tasks.values.requests import CompletionRequest

from workers.engines import lm  # isort: skip
from workers.engines.lm import TextEngine  # isort: skip
from workers.engines.text.cache.kv import UnsupportedQuantisation
from workers.engines.text.sampling.options import Defaults

from workers.engines.text.speculation.draft_model import UnsupportedDraft  # isort: skip
from workers.engines.text.speculation.prompt_lookup import PromptLookup

PROMPT = tuple(range(40, 80))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save(tmp_path_factory.mktemp("models") / "tiny", tiny.model(heads=2))


def load(folder: Path, settings: Settings | None = None, **keys: Any) -> TextEngine:
    return lm.load(LmEntry(model_path=str(folder), served_model_name="tiny", **keys), settings or Settings())


def said(engine: TextEngine, prompt: tuple[int, ...] = PROMPT, **options: Any) -> str:
    batch = Batch(engine)
    batch.admit("0", job(CompletionRequest((prompt,), **{"temperature": 0.0, "max_tokens": 12, **options})))
    return batch.run().text("0")


def cached(engine: TextEngine, prompt: tuple[int, ...]) -> int:
    batch = Batch(engine)
    batch.admit("0", job(CompletionRequest((prompt,), temperature=0.0, max_tokens=1)))
    return batch.run().usage("0").cached_tokens


def defaults(folder: Path, entry: dict[str, float], environment: dict[str, float]) -> Defaults:
    engine = load(folder, Settings(defaults=environment), **{f"default_{name}": value for name, value in entry.items()})
    assert engine.details.defaults is not None
    return Defaults(**engine.details.defaults)


def test_defaults_are_the_entry_s_then_the_environment_s_then_the_model_s_then_ours(tmp_path: Path) -> None:
    folder = tiny.save(tmp_path)
    own = {"temperature": 0.6, "top_p": 0.95, "top_k": 20, "max_new_tokens": 99, "seed": None, "min_p": "a lot"}
    (folder / "generation_config.json").write_text(json.dumps(own))
    found = defaults(folder, {"temperature": 0.1}, {"temperature": 0.2, "top_p": 0.5})
    assert found == Defaults(temperature=0.1, top_p=0.5, top_k=20, max_tokens=99)
    assert defaults(tiny.save(tmp_path / "silent"), {}, {}) == Defaults()


def test_a_request_goes_before_every_default(folder: Path) -> None:
    engine = load(folder, default_temperature=1.5, default_max_tokens=3, default_seed=1)
    plan = engine.prepare(chat("hi", temperature=None, max_tokens=None)).plan
    assert (plan.options[0].temperature, plan.options[0].seed, plan.limits) == (1.5, 1, [3])
    plan = engine.prepare(chat("hi", temperature=0.0, max_tokens=7, seed=5)).plan
    assert (plan.options[0].temperature, plan.options[0].seed, plan.limits) == (0.0, 5, [7])


def test_an_end_beyond_the_vocabulary_is_none(tmp_path: Path) -> None:
    folder = tiny.save(tmp_path / "model", eos_token_id=[516, 151_645, -1])
    engine = load(folder)
    assert engine._output.ends == {516}
    assert said(engine)


def test_an_adapter_changes_what_the_model_says(folder: Path, tmp_path: Path) -> None:
    lora = {"rank": 4, "scale": 20.0, "dropout": 0.0}
    adapted = tiny.model(heads=2)
    linear_to_lora_layers(adapted, 2, lora)
    weights = {
        name: 0.3 * mx.random.normal(value.shape)
        for name, value in tree_flatten(adapted.parameters())
        if name.rsplit(".", 1)[-1] in ("lora_a", "lora_b")
    }
    adapted.load_weights(list(weights.items()), strict=False)
    mx.save_safetensors(str(tmp_path / "adapters.safetensors"), weights)
    (tmp_path / "adapter_config.json").write_text(json.dumps({"num_layers": 2, "lora_parameters": lora}))
    with_adapter = said(load(folder, adapter_path=str(tmp_path)))
    assert with_adapter == said(tiny.engine(adapted))
    assert with_adapter != said(load(folder))


def test_a_chat_template_may_stand_in_a_file_of_its_own(folder: Path, tmp_path: Path) -> None:
    template = tmp_path / "template.jinja"
    template.write_text("{% for m in messages %}[{{ m.content }}]{% endfor %}")
    engine = load(folder, chat_template_file=str(template))
    (prompt,) = engine.prepare(chat("hi")).plan.prompts
    assert tiny.tokenizer().decode(prompt) == "[hi]"


@pytest.mark.parametrize("key", ["adapter_path", "chat_template_file"])
def test_a_path_that_does_not_exist_is_named_with_its_key(folder: Path, key: str) -> None:
    with pytest.raises(ModelPathError, match=f"{key}: .*nowhere"):
        load(folder, **{key: str(folder / "nowhere")})


def test_the_context_is_the_least_of_entry_model_and_memory(folder: Path) -> None:
    assert load(folder).details.context_length == 1024
    assert load(folder, context_length=300).details.context_length == 300
    a_token = 2 * 2 * 2 * 32 * 4  # layers, keys and values, heads, head size, float32
    assert load(folder, max_kv_bytes=500 * a_token).details.context_length == 500


@pytest.mark.parametrize(("recommended", "running"), [(8e9, 7.2e9 - 2**30), (1e9, 0.75 * 0.9e9), (1e6, 0.75 * 5e4)])
def test_where_the_device_says_what_to_use_caches_keep_within_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, recommended: float, running: float
) -> None:
    monkeypatch.setattr(mx, "device_info", lambda: {"max_recommended_working_set_size": int(recommended)})
    monkeypatch.setattr(mx, "get_active_memory", lambda: 0 if recommended > 1e6 else 10**9)
    batch = load(folder)._batch
    assert batch._max_bytes == pytest.approx(running, rel=1e-3)
    assert batch._prompt_cache._max_bytes == pytest.approx(min(2**30, running / 3), rel=1e-2)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_quantised_caches_take_fewer_bytes(folder: Path, bits: int) -> None:
    engine = load(folder, kv_bits=bits, kv_group_size=32)
    assert engine._batch._kv.bytes_per_token == 2 * 2 * 2 * (32 * bits / 8 + 2 * 4)
    assert said(engine)


def test_quantisation_is_refused_where_no_cache_can_be_quantised(folder: Path) -> None:
    with pytest.raises(UnsupportedQuantisation, match=r"kv_bits: .*serve it without kv_bits"):
        load(folder, kv_bits=8, kv_group_size=64)  # its heads have 32 numbers


def test_a_draft_model_says_what_the_model_says(folder: Path, tmp_path: Path) -> None:
    draft = tiny.save(tmp_path, tiny.model(5))
    assert said(load(folder, draft_model_path=str(draft), num_draft_tokens=4)) == said(load(folder))


@pytest.mark.parametrize(("model", "drafts"), [(tiny.model, True), (tiny.windowed, True), (tiny.hybrid, False)])
def test_drafts_out_of_the_text_are_for_models_that_can_take_tokens_back(
    tmp_path: Path, model: Callable[[], Any], drafts: bool
) -> None:
    folder = tiny.save(tmp_path, model())
    engine = load(folder, prompt_lookup_num_tokens=4)
    assert isinstance(engine._batch._drafter, PromptLookup) is drafts
    assert said(engine) == said(load(folder))


def test_a_draft_model_with_another_vocabulary_is_refused(folder: Path, tmp_path: Path) -> None:
    draft = tiny.save(tmp_path)
    vocabulary = json.loads((draft / "tokenizer.json").read_text())
    swapped = vocabulary["model"]["vocab"]
    swapped["a"], swapped["b"] = swapped["b"], swapped["a"]
    (draft / "tokenizer.json").write_text(json.dumps(vocabulary))
    with pytest.raises(UnsupportedDraft, match=r"draft_model_path: .* another vocabulary"):
        load(folder, draft_model_path=str(draft))


def test_a_draft_for_a_model_that_cannot_take_tokens_back_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedDraft, match="without a draft"):
        load(tiny.save(tmp_path, tiny.hybrid()), draft_model_path=str(folder))


def test_prompts_come_back_from_files_while_the_model_is_the_same(folder: Path, tmp_path: Path) -> None:
    prompt = tuple(range(10, 410))
    engine = load(folder, prompt_cache_dir=str(tmp_path))
    assert cached(engine, prompt) == 0
    assert engine._batch._prompt_cache._store is not None
    engine._batch._prompt_cache._store.flush()
    assert cached(load(folder, prompt_cache_dir=str(tmp_path)), prompt) == 399
    assert cached(load(folder, prompt_cache_dir=str(tmp_path), kv_bits=8, kv_group_size=32), prompt) == 0
    assert len(list((tmp_path / "tiny").iterdir())) == 1  # what can no longer be used is gone


def test_the_prompt_cache_may_be_off(folder: Path, tmp_path: Path) -> None:
    for limit in ({"prompt_cache_max_bytes": 0}, {"prompt_cache_size": 0}):
        engine = load(folder, prompt_cache_dir=str(tmp_path), **limit)
        assert [cached(engine, PROMPT), cached(engine, PROMPT)] == [0, 0]
    assert not list(tmp_path.rglob("*.safetensors"))


def test_without_batching_requests_follow_each_other(folder: Path) -> None:
    assert load(folder, disable_batching=True, batch_completion_size=8).slots == 1
    assert load(folder, batch_completion_size=8).slots == 8


def test_prompts_and_answers_are_logged_only_where_the_entry_asks_for_it(folder: Path) -> None:
    for debug in (True, False):
        engine = load(folder, debug=debug)
        with capture_logs() as records:
            text = said(engine)
        logged = [(record["event"], record["tokens"], record["text"]) for record in records if "text" in record]
        decode = tiny.tokenizer().decode
        expected = [("prompt", len(PROMPT), decode(list(PROMPT))), ("answer", 12, text)]
        assert logged == (expected if debug else [])
