"""The architectures that can see here, and how each one's pixels and places in a prompt are cut into pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Inputs: TypeAlias = Mapping[str, npt.NDArray[Any]]
Places: TypeAlias = npt.NDArray[np.int32]
PIXELS = "pixel_values"
_GRIDS = "image_grid_thw"


class Cut(NamedTuple):
    """A piece of a picture that the vision tower can see by itself, and how many tokens of the prompt it takes."""

    inputs: dict[str, npt.NDArray[Any]]
    tokens: int


@dataclass(frozen=True)
class Family:
    """How a processor's output is cut, given the number of places in the prompt.

    `spatial` architectures place a picture's tokens in rows and columns (M-RoPE) rather than one after the other.
    """

    cut: Callable[[Inputs, int], Iterator[Cut]]
    spatial: bool = False


def _tiles(inputs: Inputs, places: int) -> Iterator[Cut]:
    """Pictures as tiles of one size, (1, tiles, channels, height, width)."""
    count = inputs[PIXELS].shape[1]
    for tile in range(count):
        yield Cut({name: array[:, tile : tile + 1] for name, array in inputs.items()}, places // count)


def _pictures(inputs: Inputs, places: int) -> Iterator[Cut]:
    """Pictures of one size, (pictures, channels, height, width)."""
    count = len(inputs[PIXELS])
    for picture in range(count):
        yield Cut({PIXELS: inputs[PIXELS][picture : picture + 1]}, places // count)


def _grids(inputs: Inputs, places: int) -> Iterator[Cut]:
    """Pictures of any size as rows of patches, (patches, values); their grids in patches, (pictures, 3)."""
    sizes = inputs[_GRIDS].prod(axis=-1)
    merged = int(sizes.sum()) // max(places, 1)  # patches that share a token
    ends = np.cumsum(sizes)
    for picture, (end, size) in enumerate(zip(ends, sizes, strict=True)):
        pixels = inputs[PIXELS][end - size : end]
        yield Cut({PIXELS: pixels, _GRIDS: inputs[_GRIDS][picture : picture + 1]}, int(size) // merged)


FAMILIES: Mapping[str, Family] = {
    "gemma3": Family(_pictures),
    "idefics3": Family(_tiles),
    "llava": Family(_pictures),
    "qwen2_5_vl": Family(_grids, spatial=True),
    "qwen2_vl": Family(_grids, spatial=True),
    "smolvlm": Family(_tiles),
}


def positions(length: int, pictures: list[tuple[int, Inputs]], side: int) -> Places:
    """Where each of so many tokens stands: (3, length), time, row and column.

    `pictures` are the first place and the inputs of each; `side` is how many patches in a row share a token.
    """
    found = np.empty((3, length), np.int32)
    done, at = 0, 0  # tokens that have a position, and the next one's
    for first, inputs in pictures:
        found[:, done:first] = np.arange(at, at + first - done)
        at += first - done
        grid = inputs[_GRIDS][0] // (1, side, side)
        size = int(grid.prod())
        found[:, first : first + size] = np.indices(grid).reshape(3, -1) + at
        done, at = first + size, at + int(grid.max())
    found[:, done:] = np.arange(at, at + length - done)
    return found
