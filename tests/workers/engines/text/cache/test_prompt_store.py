"""KV caches in files: bounded, shared where prompts begin alike, and never trusted blindly."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest

from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402
from mlx_lm.models.cache import ArraysCache, CacheList, KVCache, RotatingKVCache  # noqa: E402

from workers.engines.text.cache import kv  # noqa: E402
from workers.engines.text.cache.layout import Layout  # noqa: E402
from workers.engines.text.cache.prompt_cache import Hit, PromptCache  # noqa: E402
from workers.engines.text.cache.prompt_store import PromptStore  # noqa: E402

BYTES = 1 << 26


def layer(length: int, seed: int, dtype: Any = mx.bfloat16, made: Any = None) -> Any:
    mx.random.seed(seed)
    found = made or KVCache()
    found.update_and_fetch(*(mx.random.normal((1, 2, length, 64)).astype(dtype) for _ in range(2)))
    return found


def caches(length: int) -> list[Any]:
    return [layer(length, 1), layer(length, 2)]


def tokens(*spans: tuple[int, int]) -> Any:
    return np.concatenate([np.arange(*span, dtype=np.int32) for span in spans])


def put(store: PromptStore, ids: Any, kept: list[Any] | None = None) -> None:
    """Have a prompt stored as the cache does."""
    PromptCache(BYTES, store=store).add("", ids, caches(len(ids)) if kept is None else kept)
    store.flush()


def restored(store: PromptStore, ids: Any, known: int = 0) -> Hit | None:
    """What a cache that has nothing finds of a prompt once it was read from files."""
    reading, kept = store.find("", ids, known, 16), PromptCache(BYTES)
    kept.take(reading.result() if reading else None)
    return kept.longest("", [*ids, 1_000_000])


def cut(kept: Sequence[Any], length: int) -> list[Any]:
    """The states of the first tokens."""
    layout = Layout.of(kept)
    return layout.block(kept, 0, length)


def same(first: Any, second: Any) -> bool:
    if isinstance(first, mx.array):
        return first.dtype == second.dtype and bool(mx.array_equal(first, second))
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return bool(first == second)


@pytest.mark.parametrize("quantised", [False, True])
def test_what_was_stored_comes_back_up_to_where_a_prompt_parts_from_it(tmp_path: Path, quantised: bool) -> None:
    kept = [one.to_quantized(64, 4) for one in caches(700)] if quantised else caches(700)
    put(PromptStore(tmp_path, BYTES), tokens((0, 700)), kept)
    found = restored(PromptStore(tmp_path, BYTES), tokens((0, 600), (900, 950)))
    assert found is not None and found.length == 600
    again = found.caches()
    assert [type(one) for one in again] == [type(one) for one in kept]
    for one in kept:
        one.trim(100)
    assert same(cut(again, 600), cut(kept, 600))


def test_prompts_that_begin_alike_share_their_files(tmp_path: Path) -> None:
    store = PromptStore(tmp_path, BYTES)
    kept = PromptCache(BYTES, store=store)
    kept.add("", tokens((0, 768)), caches(768))
    store.flush()
    alone, files = store.nbytes, len(list(tmp_path.iterdir()))
    for start in range(2000, 6000, 1000):
        kept.add("", tokens((0, 700), (start, start + 100)), caches(800))
    store.flush()
    # A slot ends in between, so each has two blocks of its own.
    assert len(list(tmp_path.iterdir())) == files + 4 * 2
    assert store.nbytes < alone + 4 * 0.2 * alone
    found = restored(PromptStore(tmp_path, BYTES), tokens((0, 700), (3000, 3090)))
    assert found is not None and found.length == 790


def test_a_conversation_that_goes_on_adds_files_and_rewrites_its_last_one(tmp_path: Path) -> None:
    store, ends = PromptStore(tmp_path, BYTES), range(500, 1200, 50)
    for end in ends:
        put(store, tokens((0, end)))
    assert len(list(tmp_path.iterdir())) == 5
    found = restored(PromptStore(tmp_path, BYTES), tokens((0, 1300)))
    assert found is not None and found.length == max(ends)


def test_only_what_is_more_than_is_known_is_read(tmp_path: Path) -> None:
    store = PromptStore(tmp_path, BYTES)
    put(store, tokens((0, 600)))
    assert store.find("", tokens((0, 600)), 600, 16) is None
    assert store.find("", tokens((0, 600)), 590, 16) is None
    assert store.find("", tokens((5, 600)), 0, 16) is None
    reading = store.find("", tokens((0, 600)), 512, 16)
    found = reading.result() if reading else None
    assert found is not None and [block.start for block in found.blocks.values()] == [512]


def test_states_that_cannot_be_cut_are_stored_whole_beside_what_can(tmp_path: Path) -> None:
    states = ArraysCache(2)
    states[0] = mx.random.normal((1, 3, 64)).astype(mx.float16)
    kept = [CacheList(layer(300, 3), layer(300, 4)), states, layer(300, 5, made=RotatingKVCache(max_size=128))]
    put(PromptStore(tmp_path, BYTES), tokens((0, 300)), kept)
    again = PromptStore(tmp_path, BYTES)
    assert restored(again, tokens((0, 299))) is None
    found = restored(again, tokens((0, 350)))
    assert found is not None and found.length == 300
    revived = found.caches()
    assert kv.kind(revived) == kv.kind(kept)
    assert same(cut(revived, 300), cut(kept, 300))
    assert same([one.state for one in revived[1:]], [one.state for one in kept[1:]])


def test_caches_of_an_architecture_s_own_class_are_not_stored(tmp_path: Path) -> None:
    class OwnCache(KVCache):  # type: ignore[misc]
        pass

    put(PromptStore(tmp_path, BYTES), tokens((0, 300)), [layer(300, 1, made=OwnCache())])
    assert not list(tmp_path.iterdir())


def test_the_least_recently_used_files_leave_when_there_are_too_many_bytes(tmp_path: Path) -> None:
    store = PromptStore(tmp_path, BYTES)
    put(store, tokens((0, 256)))
    one = store.nbytes
    store = PromptStore(tmp_path, 2.5 * one)
    put(store, tokens((1000, 1256)))
    assert restored(store, tokens((0, 257)))  # the older one was used last
    put(store, tokens((2000, 2256)))
    assert store.nbytes <= 2.5 * one
    store = PromptStore(tmp_path, 2.5 * one)  # whose order is the files'
    assert restored(store, tokens((0, 257))) and restored(store, tokens((2000, 2257)))
    assert not restored(store, tokens((1000, 1257)))
    assert 0 < PromptStore(tmp_path, 1.5 * one).nbytes <= 1.5 * one


def test_of_a_conversation_the_end_leaves_first(tmp_path: Path) -> None:
    store = PromptStore(tmp_path, BYTES)
    for end in (256, 512, 768):
        put(store, tokens((0, end)))
    again = PromptStore(tmp_path, 0.7 * store.nbytes)
    found = restored(again, tokens((0, 768)))
    assert found is not None and found.length == 512


@pytest.mark.parametrize("broken", [b"", b"no tensors", None])
def test_a_broken_file_is_deleted_and_what_stands_before_it_used(tmp_path: Path, broken: bytes | None) -> None:
    store = PromptStore(tmp_path, BYTES)
    put(store, tokens((0, 800)))
    (second,) = tmp_path.glob("*-512-256-*")
    second.write_bytes(second.read_bytes()[:-100] if broken is None else broken)
    again = PromptStore(tmp_path, BYTES)
    found = restored(again, tokens((0, 800)))
    assert found is not None and found.length == 256
    assert not second.exists()
    put(again, tokens((0, 800)))
    assert second.exists()


def test_a_file_that_holds_something_else_than_its_name_says_is_deleted(tmp_path: Path) -> None:
    store = PromptStore(tmp_path, BYTES)
    put(store, tokens((0, 512)))
    (first,), (second,) = tmp_path.glob("*-256-256-*"), tmp_path.glob("*-512-256-*")
    second.rename(first)
    again = PromptStore(tmp_path, BYTES)
    assert restored(again, tokens((0, 512))) is None and not list(tmp_path.iterdir())


def test_what_is_no_file_of_a_store_is_removed(tmp_path: Path) -> None:
    for name in ("left over.part.safetensors", "model.safetensors", "a-b-c.safetensors"):
        (tmp_path / name).touch()
    PromptStore(tmp_path, BYTES)
    assert not list(tmp_path.iterdir())


def test_a_file_that_another_process_deleted_is_no_more_than_missing(tmp_path: Path) -> None:
    store = PromptStore(tmp_path, BYTES)
    put(store, tokens((0, 300)))
    for path in tmp_path.iterdir():
        path.unlink()
    assert restored(store, tokens((0, 300))) is None
    put(store, tokens((0, 300)))
    assert restored(store, tokens((0, 300)))


def test_what_comes_faster_than_it_is_written_is_not_kept(tmp_path: Path) -> None:
    store, released = PromptStore(tmp_path, BYTES), Event()
    kept = PromptCache(BYTES, store=store)
    store._writer.submit(released.wait)
    for start in range(0, 20_000, 1000):
        kept.add("", tokens((start, start + 256)), caches(256))
    released.set()
    store.flush()
    assert len(list(tmp_path.iterdir())) == 8
    # Who is used again has another chance.
    kept.add("", tokens((19_000, 19_256)), caches(256))
    store.flush()
    assert len(list(tmp_path.iterdir())) == 9


def test_a_full_disk_costs_nothing_but_the_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = PromptStore(tmp_path, BYTES)
    with monkeypatch.context() as patch:

        def full(*_: Any) -> None:
            raise RuntimeError("[write] No space left on device")

        patch.setattr("workers.engines.text.cache.prompt_store.mx.save_safetensors", full)
        put(store, tokens((0, 300)))
    assert restored(store, tokens((0, 300))) is None
    put(store, tokens((0, 300)))
    assert restored(store, tokens((0, 300)))
