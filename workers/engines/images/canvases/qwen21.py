"""Edits with Qwen-Image-2.1."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from workers.engines.images.canvases.unrolled import Unrolled


class Edit(Unrolled):
    """What a mask does not cover stays as it is, to the pixel."""

    def given(self, folder: Path) -> dict[str, Any]:
        guided = (self.ask.guidance or 1) > 1
        side = math.sqrt(self.ask.width * self.ask.height)
        return {
            **super().given(folder),
            "negative_prompt": (self.ask.negative_prompt or "") if guided else None,
            "output_resolution": max(32, round(side / 32) * 32),
        }


class Control(Unrolled):
    """The image shows the edges, depth or pose of what is drawn.

    With a mask the first image is filled in where it covers it, and a second one may show that.
    """

    def given(self, folder: Path) -> dict[str, Any]:
        given = super().given(folder)
        pictures, masked = given["image_paths"], given["mask_image"] is not None
        edited, controls = (pictures[0], pictures[1:]) if masked else (None, pictures)
        guided = (self.ask.guidance or 1) > 1
        return {
            **given,
            "negative_prompt": (self.ask.negative_prompt or "") if guided else None,
            "image_path": edited,
            "controlnet_image_path": controls[0] if controls else None,
            "controlnet_strength": self.ask.control,
        }
