"""A blocking loop of mflux's becomes a generator: it stops after each step, and ends as it would have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tasks.blobs import BlobStore
from tasks.values import events
from tests.workers.engines.images.drawing import job, kinds, mask, photo, put, run
from workers.engines.images.engine import ImageEngine
from workers.engines.images.unroll import Unsuitable, unrolled


class Context:
    def in_loop(self, step: int, latents: str, **_: Any) -> None:
        pass


class Model:
    """A model as mflux has them; `told` is what became of it."""

    FEW = 2

    def __init__(self) -> None:
        self.told: list[str] = []

    @contextmanager
    def held(self) -> Iterator[None]:
        self.told.append("held")
        try:
            yield
        finally:
            self.told.append("let go")

    def generate_image(self, seed: int, steps: int = FEW, *, name: str = "picture") -> str:
        ctx = Context()
        with self.held():
            for step in range(steps):
                try:
                    helper = lambda: ctx.in_loop(step, "not here")  # noqa: B023, E731
                    ctx.in_loop(step, f"{seed}-{step}", more=helper)
                except KeyboardInterrupt:
                    raise
        return name


class Other(Model):
    """One whose loop stands elsewhere."""

    def generate_image(self, seed: int) -> str:  # type: ignore[override]
        return self._generate(seed, steps=3) + "!"

    def _generate(self, seed: int, steps: int) -> str:
        ctx = Context()
        for step in range(steps):
            ctx.in_loop(step, str(step))
        return "other"


class Flat:
    def generate_image(self) -> str:
        return "at once"


def ended(generator: Any) -> tuple[list[str], Any]:
    steps = []
    while True:
        try:
            steps.append(next(generator))
        except StopIteration as stop:
            return steps, stop.value


def test_it_stops_with_the_latents_after_each_step() -> None:
    draw = unrolled(Model)
    assert ended(draw(Model(), 7)) == (["7-0", "7-1"], "picture")
    assert ended(draw(Model(), seed=8, steps=1, name="x")) == (["8-0"], "x")


def test_it_stops_in_a_loop_that_stands_in_another_method() -> None:
    assert ended(unrolled(Other)(Other(), 7)) == (["0", "1", "2"], "other!")


def test_one_that_is_closed_lets_go_of_what_it_held() -> None:
    model = Model()
    generator = unrolled(Model)(model, 7)
    next(generator)
    generator.close()
    assert model.told == ["held", "let go"]


def test_one_without_steps_is_refused() -> None:
    with pytest.raises(Unsuitable, match=r"Flat\.generate_image has no call of in_loop"):
        unrolled(Flat)


def test_a_model_of_its_own_loop_tells_of_every_step(qwen_edit: ImageEngine, blobs: BlobStore) -> None:
    picture, covering = put(blobs, photo(), mask())
    told = run(qwen_edit, job(images=(picture,), mask=covering, n=2, previews=2))
    assert [event.done for event in kinds(told, events.Progress)] == [0, 1, 2, 3, 4]
    assert not kinds(told, events.Preview) and len(kinds(told, events.Picture)) == 2


def test_one_that_is_dropped_leaves_no_files(
    qwen_edit: ImageEngine, blobs: BlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (picture,) = put(blobs, photo())
    qwen_edit.admit("row", qwen_edit.prepare(job(images=(picture,), steps=4)))
    qwen_edit.step()
    qwen_edit.step()
    (folder,) = tmp_path.iterdir()
    assert np.asarray(Image.open(folder / "0.png")).shape == (64, 64, 3)
    qwen_edit.drop("row")
    assert not list(tmp_path.iterdir())
    qwen_edit.drop("row")  # an unknown row is ignored
