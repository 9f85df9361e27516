"""The web is one module a resource, and runs where no model can."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.servers import ROOT
from web import registry

RESOURCES = ("chat", "embeddings", "transcriptions", "models", "jobs", "health")


def test_every_resource_is_found_by_its_file() -> None:
    assert {blueprint.name for blueprint in registry.blueprints()} == set(RESOURCES)
    assert set(registry.endpoints()) == {"/v1/chat/completions", "/v1/embeddings", "/v1/audio/transcriptions"}


def test_every_endpoint_has_its_schema_and_rendering() -> None:
    for name in ("chat", "embeddings", "transcriptions"):
        assert all((ROOT / folder / f"{name}.py").is_file() for folder in ("schemas", "web", "web/render"))


def test_it_imports_no_mlx_and_no_numpy(tmp_path: Path) -> None:
    code = "import sys; from web import application, registry; registry.endpoints(); print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "'web.chat'" in loaded and not any(f"'{name}'" in loaded for name in ("mlx", "mlx_lm", "numpy", "workers"))
