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
