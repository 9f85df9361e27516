"""A text is embedded once for an owner: its vector is found again, after a restart too, and never by others."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from mlxq.entries.embeddings import EmbeddingsEntry, EmbeddingsOptions
from mlxq.settings import Settings
from tasks.values import events, results
from tasks.values.errors import JobCancelled
from tasks.values.job import Job
from tests.workers.engines.encoders import tiny
from tests.workers.engines.rows import Batch, Vector, embedding, vectors
from workers import blas
from workers.serving.check_deadline import CheckDeadline

blas.preload()

from workers.engines import embeddings  # noqa: E402
from workers.engines.encoders.inputs import Text  # noqa: E402
from workers.engines.encoders.vector_cache import VectorCache, key  # noqa: E402

BYTES = 1 << 20
TEXTS = ("the cat sat", "on the mat", "a big dog")


def vector(number: int, size: int = 384) -> Vector:
    return np.full(size, number, np.float32)


def name(number: int) -> bytes:
    return key("owner", Text((number,)))


def filled(path: Path, numbers: range, max_bytes: int = BYTES) -> VectorCache:
    cache = VectorCache(path, max_bytes)
    for number in numbers:
        cache.keep({name(number): vector(number)})
        cache.flush()
    return cache


def known(cache: VectorCache, numbers: range) -> list[int]:
    found = cache.find([name(number) for number in numbers])
    assert all(np.array_equal(found[one], vector(number)) for number in numbers if (one := name(number)) in found)
    return [number for number in numbers if name(number) in found]


def test_what_was_kept_is_found_by_whoever_opens_the_file_next(tmp_path: Path) -> None:
    assert known(filled(tmp_path / "a.sqlite", range(5)), range(6)) == [0, 1, 2, 3, 4]
    assert known(VectorCache(tmp_path / "a.sqlite", BYTES), range(6)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a", Text((1, 2))), ("b", Text((1, 2)))),
        (("a", Text((1, 2))), ("a", Text((2, 1)))),
        (("a", Text((1, 2))), ("a", Text((1, 2), prompt=1))),
        (("a", Text((1, 23))), ("a", Text((12, 3)))),
        (("a", Text((1,))), ("a", Text((1, 0)))),
        (("", Text((1,))), ("\0", Text((1,)))),
    ],
)
def test_another_owner_prompt_or_text_has_another_key(one: tuple[str, Text], other: tuple[str, Text]) -> None:
    assert key(*one) != key(*other) and key(*one) == key(*one)


def test_it_is_bounded_and_what_was_used_least_recently_leaves_first(tmp_path: Path) -> None:
    cache = filled(tmp_path / "a.sqlite", range(200))
    for number in range(200, 2000):
        cache.keep({name(number): vector(number)})
        if number % 20 == 0:
            assert known(cache, range(1)) == [0]
            cache.flush()
    cache.flush()
    kept = known(cache, range(2000))
    assert kept[0] == 0 and kept[-1] == 1999 and kept[1:] == list(range(kept[1], 2000))
    assert BYTES / 4 < (tmp_path / "a.sqlite").stat().st_size <= 1.1 * BYTES
    del cache
    assert len(known(filled(tmp_path / "a.sqlite", range(0), BYTES // 4), range(2000))) > 50
    assert (tmp_path / "a.sqlite").stat().st_size <= BYTES // 3


def spoiled(place: slice) -> Callable[[Path], Any]:
    def spoil(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[place] = os.urandom(len(data[place]))
        path.write_bytes(data)

    return spoil


def wrong(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE vectors SET vector = zeroblob(1536)")


@pytest.mark.parametrize(
    "spoil",
    [
        spoiled(slice(0, 100)),
        spoiled(slice(100, None)),
        spoiled(slice(17000, 40000)),
        lambda path: path.write_bytes(path.read_bytes()[:20000]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"no such file at all" * 1000),
        wrong,
    ],
    ids=["head", "everything else", "pages", "cut", "empty", "another", "vectors"],
)
def test_a_damaged_file_is_a_miss_and_goes_on_working(spoil: Callable[[Path], Any], tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    before = filled(path, range(50))
    before._reader.close()
    before._connection.close()  # which is the last, and so writes the journal into the file
    spoil(path)
    again = VectorCache(path, BYTES)
    known(again, range(50))  # whatever it finds is right
    again.flush()
    for number in range(60, 70):
        again.keep({name(number): vector(number)})
        again.flush()
    assert known(again, range(60, 70))[-1] == 69


def test_a_file_that_is_damaged_while_it_is_open_is_a_miss_too(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    cache = filled(path, range(300))
    cache._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    spoiled(slice(0, None))(path)
    for _ in range(3):
        known(cache, range(300))
        cache.keep({name(1000): vector(1000)})
        cache.flush()
    assert known(cache, range(1000, 1001)) == [1000]


def test_nobody_waits_for_a_disk_that_does_not_take_what_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = filled(tmp_path / "a.sqlite", range(5))
    cache._connection.execute("PRAGMA query_only = 1")  # as a file system that was mounted anew
    cache.keep({name(9): vector(9)})
    cache.flush()
    assert known(cache, range(10)) == [0, 1, 2, 3, 4]
    cache.flush()
    cache._connection.execute("PRAGMA query_only = 0")
    cache.keep({name(9): vector(9)})
    cache.flush()
    assert known(cache, range(10)) == [0, 1, 2, 3, 4, 9]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.sentence_model(tmp_path_factory.mktemp("model") / "model", tiny.SENTENCES["mean"])


class Counted:
    """An engine and how many texts it passed through its network since it was loaded."""

    def __init__(self, folder: Path, home: Path, options: EmbeddingsOptions, **settings: Any) -> None:
        max_bytes = settings.pop("max_bytes", BYTES)
        entry = EmbeddingsEntry(
            model_path=str(folder), served_model_name="m", vector_cache_max_bytes=max_bytes, options=options
        )
        self.engine = embeddings.load(entry, Settings(home=home, **settings))
        self.passed = 0
        states = self.engine._encoder.states

        def counted(inputs: Any, *rest: Any) -> Any:
            self.passed += len(inputs)
            return states(inputs, *rest)

        object.__setattr__(self.engine._encoder, "states", counted)

    def embed(self, *texts: str, owner: str = "me", **options: Any) -> tuple[list[Vector], events.Usage]:
        """The vectors and what they cost, as the worker would have them."""
        job = msgspec.structs.replace(embedding(*texts, **options), owner=owner)
        found = self._heard(job)
        result = results.fold(job.payload, found)
        assert isinstance(result, results.VectorResult)
        batch = Batch(self.engine)
        batch.heard["0"] = found
        if self.engine._cache is not None:
            self.engine._cache.flush()
        return vectors(batch, "0"), result.usage

    def _heard(self, job: Job) -> list[events.Event]:
        prepared = self.engine.prepare(job)
        if prepared.events:
            return list(prepared.events)
        batch = Batch(self.engine)
        batch.heard["0"] = []
        self.engine.admit("0", prepared)
        return batch.run().heard["0"]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"


def load(folder: Path, home: Path, pooling: Any = None, **settings: Any) -> Counted:
    return Counted(folder, home, EmbeddingsOptions(pooling=pooling), **settings)


def test_the_same_corpus_again_costs_no_forward_pass(folder: Path, home: Path) -> None:
    first = load(folder, home)
    computed, usage = first.embed(*TEXTS)
    assert first.passed == 3 and usage.cached_tokens == 0
    for engine in (first, load(folder, home)):
        before = engine.passed
        found, again = engine.embed(*TEXTS)
        assert engine.passed == before
        assert all(np.array_equal(a, b) for a, b in zip(found, computed, strict=True))
        assert again == events.Usage(prompt_tokens=usage.prompt_tokens, cached_tokens=usage.prompt_tokens)


def test_only_what_is_new_is_computed(folder: Path, home: Path) -> None:
    engine = load(folder, home)
    (cat,), cost = engine.embed("the cat sat")
    mixed, usage = engine.embed("on the mat", "the cat sat", "a dog")
    assert engine.passed == 1 + 2 and usage.cached_tokens == cost.prompt_tokens
    assert np.array_equal(mixed[1], cat)
    assert np.allclose(load(folder, home.with_name("other")).embed("a dog")[0][0], mixed[2], atol=1e-6)


@pytest.mark.parametrize("dimensions", [8, 16])
def test_vectors_of_any_length_are_cut_out_of_the_same_ones(dimensions: int, folder: Path, home: Path) -> None:
    engine = load(folder, home)
    (whole,), _ = engine.embed("the cat sat")
    (cut,), usage = engine.embed("the cat sat", dimensions=dimensions)
    assert engine.passed == 1 and usage.cached_tokens > 0
    assert np.allclose(cut, whole[:dimensions] / np.linalg.norm(whole[:dimensions]), atol=1e-6)


@pytest.mark.parametrize(("shared", "passed"), [(False, 2), (True, 1)])
def test_a_key_s_vectors_are_its_own_unless_caches_are_shared(
    shared: bool, passed: int, folder: Path, home: Path
) -> None:
    engine = load(folder, home, shared_cache=shared)
    cached = [engine.embed("the cat sat", owner=owner)[1].cached_tokens > 0 for owner in ("a", "b")]
    assert engine.passed == passed and cached == [False, shared]


def test_a_vector_is_of_its_prompt_too(home: Path, tmp_path: Path) -> None:
    engine = load(tiny.sentence_model(tmp_path / "prompted", tiny.SENTENCES["prompt"]), home)
    name = next(iter(engine.engine._recipe.prompts))
    engine.embed("the cat sat")
    assert engine.embed("the cat sat", prompt_name=name)[1].cached_tokens == 0
    assert engine.embed("the cat sat", prompt_name=name)[1].cached_tokens > 0


def test_other_files_and_another_pooling_make_other_vectors(folder: Path, home: Path) -> None:
    (before,), _ = load(folder, home).embed("the cat sat")
    other = load(folder, home, pooling="cls")
    (vector_,), usage = other.embed("the cat sat")
    assert other.passed == 1 and usage.cached_tokens == 0 and not np.allclose(vector_, before)
    assert len(list((home / "vectors" / "m").glob("*.sqlite"))) == 1, "those of the files that were are deleted"
    os.utime(folder / "model.safetensors")
    again = load(folder, home, pooling="cls")
    assert again.embed("the cat sat")[1].cached_tokens == 0 and again.passed == 1


def test_a_size_of_0_keeps_nothing(folder: Path, home: Path) -> None:
    load(folder, home).embed(*TEXTS)
    engine = load(folder, home, max_bytes=0)
    assert [engine.embed(*TEXTS)[1].cached_tokens for _ in range(2)] == [0, 0] and engine.passed == 6
    assert not any((home / "vectors").iterdir())


def test_a_home_that_takes_no_file_costs_computing_and_nothing_else(folder: Path, home: Path) -> None:
    home.mkdir()
    (home / "vectors").write_text("in the way")
    engine = load(folder, home)
    assert [len(engine.embed(*TEXTS)[0]) for _ in range(2)] == [3, 3] and engine.passed == 6


def test_nothing_is_looked_up_for_whom_nobody_waits(tmp_path: Path) -> None:
    clock = iter(range(1000))
    gone = CheckDeadline(lambda: False, clock=lambda: float(next(clock)))
    with pytest.raises(JobCancelled):
        VectorCache(tmp_path / "a.sqlite", BYTES).find([name(1)], gone)


def test_it_is_for_its_owner_only(folder: Path, home: Path) -> None:
    load(folder, home).embed(*TEXTS)
    assert (home / "vectors" / "m").stat().st_mode & 0o077 == 0
