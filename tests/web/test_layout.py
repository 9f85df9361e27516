"""The web is one module a resource, and runs where no model can."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from schemas.__main__ import BODIES
from tests.support.servers import ROOT
from web import registry

ENDPOINTS = {
    "audio_speech": "/v1/audio/speech",
    "chat": "/v1/chat/completions",
    "chat_render": "/v1/chat/render",
    "completions": "/v1/completions",
    "detokenize": "/v1/detokenize",
    "embeddings": "/v1/embeddings",
    "messages": "/v1/messages",
    "messages_count_tokens": "/v1/messages/count_tokens",
    "images_edits": "/v1/images/edits",
    "images_generations": "/v1/images/generations",
    "images_variations": "/v1/images/variations",
    "responses": "/v1/responses",
    "responses_input_tokens": "/v1/responses/input_tokens",
    "rerank": "/v1/rerank",
    "rerank_v2": "/v2/rerank",
    "score": "/v1/score",
    "tokenize": "/v1/tokenize",
    "transcriptions": "/v1/audio/transcriptions",
    "translations": "/v1/audio/translations",
}
RESOURCES = {
    *("jobs", "jobs_stream", "webhooks", "files", "batches", "messages_batches", "responses_compact", "admin"),
    *("chat_completions", "conversations", "realtime", "responses_socket", "audio_voices"),
}


def test_every_resource_is_found_by_its_file() -> None:
    others = {"docs", "images_content", "models", "health", "queue"}
    assert {blueprint.name for blueprint in registry.blueprints()} == {*ENDPOINTS, *RESOURCES, *others}
    assert set(registry.endpoints()) == set(ENDPOINTS.values())


def test_the_table_of_fields_has_every_endpoint() -> None:
    assert {path: endpoint.schema for path, endpoint in registry.endpoints().items()} == BODIES


def test_every_endpoint_has_its_schema_and_rendering_in_folders_of_one_name() -> None:
    folders = {path.name for path in (ROOT / "web/api").iterdir() if path.is_dir() and path.name != "__pycache__"}
    for endpoint in registry.endpoints().values():
        folder, _, _ = endpoint.schema.__module__.removeprefix("schemas.").partition(".")
        assert folder in folders
        assert any((ROOT / "web/render" / shown).exists() for shown in (folder, f"{folder}.py"))
    modules = {path.stem for path in (ROOT / "web/api").glob("*.py")} - {"__init__"}
    assert not modules


def test_it_imports_no_mlx_and_no_numpy(tmp_path: Path) -> None:
    code = "import sys; from web import application, registry; registry.endpoints(); print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "'web.api.text.chat'" in loaded and not any(
        f"'{name}'" in loaded for name in ("mlx", "mlx_lm", "numpy", "workers")
    )
