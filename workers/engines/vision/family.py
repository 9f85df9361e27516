"""How what a processor makes of images, sounds and videos is cut into pieces, and where each token stands.

An architecture whose media is encoded piece by piece is a file in `families`, named as its `model_type`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Kind: TypeAlias = Literal["image", "audio", "video"]
Array: TypeAlias = npt.NDArray[Any]
Inputs: TypeAlias = Mapping[str, Any]  # arrays, or lists of them where they are of different sizes
Places: TypeAlias = npt.NDArray[np.int32]
_IMAGES, _VIDEOS, _SOUNDS = "pixel_values", "pixel_values_videos", "input_features"
_GRIDS: Mapping[Kind, str] = {"image": "image_grid_thw", "video": "video_grid_thw"}


class Cut(NamedTuple):
    """A piece that a tower can take by itself, and how many tokens of the prompt it takes."""

    inputs: dict[str, Array]
    tokens: int


Cutter: TypeAlias = Callable[[Inputs, Places], Iterator[Cut]]


@dataclass(frozen=True)
class Family:
    """How a processor's output is cut, given the places of its kind in the prompt.

    `marker` is the processor's attribute that holds what stands for an image in a template's text, where that is not
    the token of its places. `spatial` architectures place an image's tokens in rows and columns (M-RoPE) rather than
    one after the other; with `moments`, those of a video's frames stand apart, each with its time before it.
    """

    cuts: Mapping[Kind, Cutter]
    marker: str | None = None
    spatial: bool = False
    moments: bool = False


def tiles(inputs: Inputs, places: Places) -> Iterator[Cut]:
    """Images as tiles of one size, (1, tiles, channels, height, width)."""
    named = [name for name in (_IMAGES, "pixel_attention_mask") if name in inputs]
    count = inputs[_IMAGES].shape[1]
    for tile in range(count):
        yield Cut({name: inputs[name][:, tile : tile + 1] for name in named}, len(places) // count)


def images(inputs: Inputs, places: Places) -> Iterator[Cut]:
    """Images of one size, (images, channels, height, width)."""
    count = len(inputs[_IMAGES])
    for image in range(count):
        yield Cut({_IMAGES: inputs[_IMAGES][image : image + 1]}, len(places) // count)


def images_of_any_size(inputs: Inputs, places: Places) -> Iterator[Cut]:
    """Images of any size, each (channels, height, width), with something between their places."""
    for image, tokens in zip(inputs[_IMAGES], _runs(places), strict=True):
        yield Cut({_IMAGES: image[None]}, tokens)


def frames(inputs: Inputs, places: Places) -> Iterator[Cut]:
    """Videos as patches with their positions, each (frames, patches, values), with something between frames' places."""
    every = [
        (video[at : at + 1], where[at : at + 1])
        for video, where in zip(inputs[_VIDEOS], inputs["video_position_ids"], strict=True)
        for at in range(len(video))
    ]
    for (frame, where), tokens in zip(every, _runs(places), strict=True):
        yield Cut({_VIDEOS: frame[None], "video_position_ids": where[None]}, tokens)


def sounds(inputs: Inputs, places: Places) -> Iterator[Cut]:
    """Sounds as spectrograms, each (1, frames, bands), with something between their places."""
    mask = f"{_SOUNDS}_mask"
    for sound, heard, tokens in zip(inputs[_SOUNDS], inputs[mask], _runs(places), strict=True):
        yield Cut({_SOUNDS: sound, mask: heard}, tokens)


def _patched(kind: Kind, pixels: str) -> Cutter:
    """Images of any size as rows of patches, (patches, values), with their grids in patches: time, rows, columns."""

    def cut(inputs: Inputs, places: Places) -> Iterator[Cut]:
        grids = inputs[_GRIDS[kind]]
        merged = int(grids.prod(axis=-1).sum()) // max(len(places), 1)  # patches that share a token
        done = 0
        for times, rows, columns in grids.tolist():
            for _ in range(times):  # moments of a video do not attend to each other
                size = rows * columns
                grid = np.array([[1, rows, columns]], grids.dtype)
                yield Cut({pixels: inputs[pixels][done : done + size], _GRIDS[kind]: grid}, size // merged)
                done += size

    return cut


def _runs(places: Places) -> list[int]:
    """Lengths of the stretches of places that follow each other."""
    breaks = np.flatnonzero(np.diff(places) > 1) + 1
    return [len(run) for run in np.split(places, breaks)]


PATCHED: Mapping[Kind, Cutter] = {"image": _patched("image", _IMAGES), "video": _patched("video", _VIDEOS)}


def positions(length: int, inputs: Inputs, places: Mapping[Kind, Places], side: int, *, moments: bool) -> Places:
    """Where each of `length` tokens stands: (3, length), time, row and column.

    `places` are those of each kind; `side` is how many patches in a row share a token; `moments` is the family's.
    """
    axes = np.empty((3, length), np.int32)
    done, at = 0, 0  # tokens that have a position, and the next one's
    for first, grid in sorted(_begun(inputs, places, side, moments), key=lambda one: one[0]):
        axes[:, done:first] = np.arange(at, at + first - done)
        at += first - done
        size = int(np.prod(grid))
        axes[:, first : first + size] = np.indices(grid).reshape(3, -1) + at
        done, at = first + size, at + max(grid)
    axes[:, done:] = np.arange(at, at + length - done)
    return axes


def _begun(
    inputs: Inputs, places: Mapping[Kind, Places], side: int, moments: bool
) -> Iterator[tuple[int, Sequence[int]]]:
    """The first place of every image and video, or of its moments, and its grid in tokens."""
    for kind, taken in places.items():
        used = 0
        for times, rows, columns in inputs[_GRIDS[kind]].tolist():
            grid = (1 if moments else times, rows // side, columns // side)
            for _ in range(times if moments else 1):
                yield int(taken[used]), grid
                used += int(np.prod(grid))
