"""KV caches in files: bounded, shared where prompts begin alike, and never trusted blindly."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest

from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402
from mlx_lm.models.cache import ArraysCache, CacheList, KVCache, RotatingKVCache  # noqa: E402

from workers.engines.text import kv  # noqa: E402
from workers.engines.text.prompt_store import PromptStore, Restored  # noqa: E402

BYTES = 1 << 26


def layer(length: int, seed: int, dtype: Any = mx.bfloat16, made: Any = None) -> Any:
    mx.random.seed(seed)
    found = made or KVCache()
    found.update_and_fetch(*(mx.random.normal((1, 2, length, 64)).astype(dtype) for _ in range(2)))
    return found


def caches(length: int) -> list[Any]:
    found = [layer(length, 1), layer(length, 2)]
    mx.eval([one.state for one in found])
    return found


def tokens(*spans: tuple[int, int]) -> Any:
    return np.concatenate([np.arange(*span, dtype=np.int32) for span in spans])


def restored(store: PromptStore, ids: Any, beyond: int = 0) -> Restored | None:
    reading = store.find("", ids, beyond)
    return reading.result() if reading else None


def same(first: Any, second: Any) -> bool:
    if isinstance(first, mx.array):
        return first.dtype == second.dtype and bool(mx.array_equal(first, second))
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return bool(first == second)


@pytest.mark.parametrize("quantised", [False, True])
def test_what_was_stored_comes_back_in_whole_blocks(tmp_path: Path, quantised: bool) -> None:
    kept = [one.to_quantized(64, 4) for one in caches(700)] if quantised else caches(700)
    store = PromptStore(tmp_path, BYTES)
    store.offer("", tokens((0, 700)), kept)
    store.flush()
    found = restored(PromptStore(tmp_path, BYTES), tokens((0, 600), (900, 950)))
    assert found is not None and found.length == 512
    for revived, original in zip(found.caches(), kept, strict=True):
        original.trim(700 - 512)
        assert type(revived) is type(original)
        assert same(revived.state, *kv.cut([original], 0, 512))


def test_prompts_that_begin_alike_share_their_files(tmp_path: Path) -> None:
    store = PromptStore(tmp_path, BYTES)
    store.offer("", tokens((0, 800)), caches(800))
    store.flush()
    alone = store.nbytes
    for start in range(2000, 6000, 1000):
        store.offer("", tokens((0, 768), (start, start + 100)), caches(868))
        store.flush()
    assert store.nbytes == alone and len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("beyond", [512, 600])
def test_only_what_is_more_than_is_known_is_read(tmp_path: Path, beyond: int) -> None:
    store = PromptStore(tmp_path, BYTES)
    store.offer("", tokens((0, 600)), caches(600))
    store.flush()
    assert store.find("", tokens((0, 600)), beyond) is None
    assert store.find("", tokens((5, 600)), 0) is None


def test_caches_that_cannot_be_cut_are_stored_whole(tmp_path: Path) -> None:
    states = ArraysCache(2)
    states[0] = mx.random.normal((1, 3, 64)).astype(mx.float16)
    kept = [CacheList(layer(300, 3), layer(300, 4)), states, layer(300, 5, made=RotatingKVCache(max_size=128))]
    mx.eval([one.state for one in kept])
    store = PromptStore(tmp_path, BYTES)
    store.offer("", tokens((0, 300)), kept)
    store.flush()
    again = PromptStore(tmp_path, BYTES)
    assert restored(again, tokens((0, 299))) is None and restored(again, tokens((0, 300))) is None
    found = restored(again, tokens((0, 301)))
    assert found is not None and found.length == 300
    assert kv.kind(found.caches()) == kv.kind(kept)
    assert same([one.state for one in found.caches()], [one.state for one in kept])


def test_caches_of_an_architecture_s_own_class_are_not_stored(tmp_path: Path) -> None:
    class OwnCache(KVCache):  # type: ignore[misc]
        pass

    store = PromptStore(tmp_path, BYTES)
    store.offer("", tokens((0, 300)), [layer(300, 1, made=OwnCache())])
    store.flush()
    assert not list(tmp_path.iterdir())


def test_the_least_recently_used_files_leave_when_there_are_too_many_bytes(tmp_path: Path) -> None:
    store = PromptStore(tmp_path, BYTES)
    store.offer("", tokens((0, 256)), caches(256))
    store.flush()
    one = store.nbytes
    store = PromptStore(tmp_path, 2.5 * one)
    store.offer("", tokens((1000, 1256)), caches(256))
    store.flush()
    assert restored(store, tokens((0, 257)))  # the older one was used last
    store.offer("", tokens((2000, 2256)), caches(256))
    store.flush()
    assert store.nbytes <= 2.5 * one
    store = PromptStore(tmp_path, 2.5 * one)  # whose order is the files'
    assert restored(store, tokens((0, 257))) and restored(store, tokens((2000, 2257)))
    assert not restored(store, tokens((1000, 1257)))
    assert PromptStore(tmp_path, one).nbytes == one


@pytest.mark.parametrize("broken", [b"", b"no tensors", None])
def test_a_broken_file_is_deleted_and_what_stands_before_it_used(tmp_path: Path, broken: bytes | None) -> None:
    store = PromptStore(tmp_path, BYTES)
    store.offer("", tokens((0, 800)), caches(800))
    store.flush()
    (second,) = tmp_path.glob("*-512-*")
    second.write_bytes(second.read_bytes()[:-100] if broken is None else broken)
    (tmp_path / "left over.part").touch()
    again = PromptStore(tmp_path, BYTES)
    found = restored(again, tokens((0, 800)))
    assert found is not None and found.length == 256
    assert not second.exists() and not list(tmp_path.glob("*.part"))
    again.offer("", tokens((0, 800)), caches(800))
    again.flush()
    assert second.exists()


def test_a_file_that_another_process_deleted_is_no_more_than_missing(tmp_path: Path) -> None:
    store = PromptStore(tmp_path, BYTES)
    store.offer("", tokens((0, 300)), caches(300))
    store.flush()
    for path in tmp_path.iterdir():
        path.unlink()
    assert restored(store, tokens((0, 300))) is None and store.nbytes == 0


def test_what_comes_faster_than_it_is_written_is_not_kept(tmp_path: Path) -> None:
    store, released = PromptStore(tmp_path, BYTES), Event()
    store._writer.submit(released.wait)
    for start in range(0, 20_000, 1000):
        store.offer("", tokens((start, start + 256)), caches(256))
    released.set()
    store.flush()
    assert len(list(tmp_path.iterdir())) == 8
    store.offer("", tokens((19_000, 19_256)), caches(256))
    store.flush()
    assert len(list(tmp_path.iterdir())) == 9


def test_a_full_disk_costs_nothing_but_the_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = PromptStore(tmp_path, BYTES)
    with monkeypatch.context() as patch:

        def full(*_: Any) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr("workers.engines.text.prompt_store.save_file", full)
        store.offer("", tokens((0, 300)), caches(300))
        store.flush()
    assert restored(store, tokens((0, 300))) is None
    store.offer("", tokens((0, 300)), caches(300))
    store.flush()
    assert restored(store, tokens((0, 300)))
