"""SeedVR2, which makes an image larger."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from workers.engines.images.canvases.unrolled import Unrolled


class Upscale(Unrolled):
    """One step; the image's shape stays as it is."""

    TAKES: ClassVar[tuple[str, ...]] = ("seed", "image_path", "resolution")

    def given(self, folder: Path) -> dict[str, Any]:
        return {**super().given(folder), "resolution": min(self.ask.width, self.ask.height)}
