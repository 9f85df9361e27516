"""The starter models' folders, made once into the cache of this machine."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from mlxq.settings import Settings
from workers.starter.build import ensure
from workers.starter.models import STARTER_MODELS


@cache
def folder(name: str) -> Path:
    """The folder of a starter model; the first call on a machine downloads and converts it."""
    return ensure(STARTER_MODELS[name], Settings.from_env(os.environ).cache)
