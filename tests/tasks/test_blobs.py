"""Bytes are kept once by their content, within their limit, and as long as a record holds them."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import pytest

from tasks.blobs import BlobStore, BlobTooLarge
from tasks.errors import NotFound


def test_what_is_put_is_read_and_named_by_its_content(tmp_path: Path) -> None:
    blobs, data = BlobStore(tmp_path), b"x" * 3_000_000
    ref = blobs.put(io.BytesIO(data), "audio/wav")
    assert (ref.sha256, ref.size, ref.type) == (hashlib.sha256(data).hexdigest(), len(data), "audio/wav")
    assert blobs.read(ref) == data and blobs.put(data, "audio/wav") == ref
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_what_is_too_large_leaves_nothing(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path)
    with pytest.raises(BlobTooLarge, match="100 bytes"):
        blobs.put(io.BytesIO(b"x" * 101), "audio/wav", limit=100)
    assert blobs.put(b"x" * 100, "audio/wav", limit=100).size == 100
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_what_nobody_holds_is_swept_when_it_is_old(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path)
    held, free = blobs.put(b"held", "text/plain"), blobs.put(b"free", "text/plain")
    assert blobs.sweep(lambda sha256: sha256 == held.sha256) == 0  # young
    assert blobs.sweep(lambda sha256: sha256 == held.sha256, age=-1) == 1
    assert blobs.read(held) == b"held"
    with pytest.raises(NotFound):
        blobs.open(free)


def test_what_is_kept_is_as_young_as_what_was_just_written(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path)
    early, late = blobs.put(b"early", "image/png"), blobs.put(b"late", "image/png")
    for ref in (early, late):
        os.utime(blobs.path(ref), (1, 1))
    blobs.keep(early)
    assert blobs.sweep(lambda sha256: False) == 1 and blobs.read(early) == b"early"
