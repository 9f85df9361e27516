"""Imports that find a package missing, and only they."""

from __future__ import annotations

import sys

import pytest

from mlxq.hide_packages import hide_packages


def test_a_package_is_missing_meanwhile_and_there_again_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "this", raising=False)
    with hide_packages("this"), pytest.raises(ImportError):
        import this  # noqa: F401
    assert "this" not in sys.modules


def test_what_was_imported_before_stays_as_it_is() -> None:
    import json

    with hide_packages("json"):
        assert sys.modules["json"] is json
    assert sys.modules["json"] is json
