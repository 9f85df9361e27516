"""The package index is the one that uv or pip would use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from workers.starter.index import FetchError, Index


def test_uvs_variable_comes_first() -> None:
    assert Index.configured({"UV_DEFAULT_INDEX": "http://mirror/simple"}).url == "http://mirror/simple"


def test_pips_variable_and_configuration_file_are_read(tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    assert Index.configured({**environ, "PIP_INDEX_URL": "http://mirror/pip"}).url == "http://mirror/pip"
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nindex-url = http://mirror/file\nproxy = http://proxy:3128\n")
    found = Index.configured({**environ, "PIP_CONFIG_FILE": str(config)})
    assert (found.url, found.proxy) == ("http://mirror/file", "http://proxy:3128")


def test_pip_that_cannot_answer_is_said(tmp_path: Path) -> None:
    config = tmp_path / "pip.conf"
    config.write_text("not a configuration")
    with pytest.raises(FetchError, match="set UV_DEFAULT_INDEX"):
        Index.configured({**os.environ, "PIP_CONFIG_FILE": str(config)})
