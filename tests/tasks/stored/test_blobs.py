"""Bytes are kept once by their content, within their limit, and as long as a record holds them."""

from __future__ import annotations

import hashlib
import io
import os
import time
from pathlib import Path

import pytest

from tasks.stored.blobs import BlobStore, BlobTooLarge
from tasks.values.errors import NotFound


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
    assert not any(blobs.sweep(lambda sha256: sha256 == held.sha256))  # young
    assert sorted(blobs.sweep(lambda sha256: sha256 == held.sha256, age=-1)) == [False, True]
    assert blobs.read(held) == b"held"
    with pytest.raises(NotFound):
        blobs.open(free)


def test_an_upload_that_was_broken_off_is_swept_and_one_under_way_is_not(tmp_path: Path) -> None:
    blobs, incoming = BlobStore(tmp_path), tmp_path / "incoming"
    incoming.mkdir()
    for name, age in (("killed", 7200), ("running", 10)):
        (incoming / name).write_bytes(b"part")
        os.utime(incoming / name, (time.time() - age,) * 2)
    assert sorted(blobs.sweep(lambda _: False)) == [False, True]
    assert [path.name for path in incoming.iterdir()] == ["running"]


def test_what_is_touched_or_put_anew_is_young_again(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path)
    touched, again = blobs.put(b"touched", "text/plain"), blobs.put(b"again", "text/plain")
    for ref in (touched, again):
        os.utime(blobs.path(ref), (1, 1))
    blobs.touch(touched)
    # Held by nobody when it is looked at, and put anew by somebody in that moment.
    assert not any(
        blobs.sweep(lambda sha256: bool(sha256 == again.sha256 and blobs.put(b"again", "text/plain") is None))
    )
    assert blobs.read(again) == b"again"
