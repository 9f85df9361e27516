"""Llama 4 looks for a view of the whole behind an image's tiles, for which the processor keeps places in the prompt."""

from __future__ import annotations

from typing import Any

from PIL import Image


def mend(processor: Any) -> None:
    """Let an image of several tiles be followed by the whole in the size of one, as in transformers' processor."""
    images = processor.image_processor
    split = images._split_into_tiles

    def with_whole(image: Image.Image, ratio: tuple[int, int]) -> list[Image.Image]:
        tiles: list[Image.Image] = split(image, ratio)
        if len(tiles) > 1:
            tiles.append(image.resize((images.size, images.size), Image.Resampling.BICUBIC))
        return tiles

    images._split_into_tiles = with_whole
