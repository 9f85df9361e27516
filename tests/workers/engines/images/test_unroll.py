"""A blocking loop of mflux's becomes a generator: it stops after each step, and ends as it would have."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from PIL import Image

from tasks.stored.blobs import BlobStore
from tasks.values import events
from tests.workers.engines.images.drawing import job, kinds, mask, photo, put, run
from workers.engines.images.canvases.base import Ask
from workers.engines.images.canvases.unrolled import Unrolled, averaged
from workers.engines.images.engine import ImageEngine
from workers.engines.images.loading import named
from workers.engines.images.unroll import Unsuitable, unrolled
from workers.engines.images.variants import VARIANTS, Variant


def family(variant: Variant) -> str:
    return variant.model.partition(".")[0]


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


class Seeing:
    """One that tells what is in the noise."""

    def generate_image(self, steps: int) -> str:
        ctx = Context()
        for step in range(steps):
            ctx.in_loop(step, f"noisy {step}", denoised=f"clean {step}")
        return "seen"


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
    assert len(kinds(told, events.Picture)) == 2
    shown = kinds(told, events.Preview)
    assert [(event.index, event.number) for event in shown] == [(0, 0), (1, 0)]
    assert {Image.open(io.BytesIO(base64.b64decode(event.data))).size for event in shown} == {(64, 64)}


def test_it_stops_with_what_is_seen_in_the_latents_where_the_loop_tells_it() -> None:
    assert ended(unrolled(Seeing)(Seeing(), 3)) == (["clean 0", "clean 1", "clean 2"], "seen")


class Packed:
    """A decoder of latents in patches of two pixels a side, four channels each."""

    latent_channels = 3

    def decode_packed_latents(self, latents: mx.array) -> mx.array:
        return mx.repeat(mx.repeat(latents[:, :3], 16, axis=2), 16, axis=3)


class Plain:
    latent_channels = 16

    def decode(self, latents: mx.array) -> mx.array:
        return mx.repeat(mx.repeat(latents[:, :3], 8, axis=2), 8, axis=3)


@pytest.mark.parametrize(
    ("vae", "shape"),
    [(None, (1, 3, 512, 1024)), (Packed(), (1, 12, 32, 64)), (Plain(), (1, 16, 64, 128))],
    ids=["pixels", "patches", "latents"],
)
def test_a_preview_of_latents_is_their_means(vae: Any, shape: tuple[int, ...]) -> None:
    canvas = object.__new__(Unrolled)
    canvas.model = SimpleNamespace(vae=vae)
    canvas.ask = Ask("a cat", 1024, 512, 4, None)
    canvas._seen = mx.broadcast_to(mx.linspace(-1, 1, shape[-1]), shape)
    shown = np.asarray(canvas.preview(0, None, None))
    assert shown.shape == (128, 256, 3)
    assert shown[0, 0].max() < 10 and shown[0, -1].min() > 245 and (np.diff(shown[5, :, 0].astype(int)) >= 0).all()


CREATORS = {
    "krea2": "krea2.latent_creator.krea2_latent_creator:Krea2LatentCreator",
    "ernie_image": "ernie_image.latent_creator.ernie_latent_creator:ErnieLatentCreator",
    "anima": "anima.latent_creator.anima_latent_creator:AnimaLatentCreator",
    "iris": "iris.latent_creator.iris_latent_creator:IrisLatentCreator",
    "moss_image": "moss_image.latent_creator.moss_image_latent_creator:MOSSImageLatentCreator",
    "ming_image": "ming_image.latent_creator.ming_latent_creator:MingLatentCreator",
}  # of the families whose latents go to the decoder as they are


# Lens and the Qwen-Image-2.1 that edits make noise in their loops; the tiny one of those draws previews above.
NOISY = [
    name
    for name, variant in VARIANTS.items()
    if (variant.latents or family(variant) in CREATORS)
    and family(variant) != "lens"
    and "qwen21." not in variant.canvas
]


@pytest.mark.parametrize("name", NOISY)
def test_the_latents_of_a_model_become_a_grid_of_its_shape(name: str) -> None:
    variant = VARIANTS[name]
    creator = named(variant.latents or CREATORS[family(variant)])
    noise = creator.create_noise(7, 128, 192)
    grid = creator.unpack_latents(noise, 128, 192) if variant.latents else noise
    rows, columns = grid.shape[-2:]
    assert grid.shape[0] == 1 and 2 * columns == 3 * rows and averaged(grid, 2).shape[-1] == columns // 2


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
