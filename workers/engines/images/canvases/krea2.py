"""Krea 2 with a ControlNet for depth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workers.engines.images.canvases.unrolled import Unrolled


class Depth(Unrolled):
    """The image is a depth map, near white and far black."""

    def given(self, folder: Path) -> dict[str, Any]:
        given = super().given(folder)
        return {**given, "depth_image_path": given["image_path"], "image_path": None}
