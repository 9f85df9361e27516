"""DeepSeek-VL2 looks for one more image at each tile, until it meets an image of no tiles."""

from __future__ import annotations

from typing import Any

import mlx.core as mx


def mend(processor: Any) -> None:
    """Put rows of zeros behind the counts of tiles, (prompts, images, 2), up to as many rows as there are tiles, as
    the processor itself does only between prompts of a batch."""
    batchify = processor.batchify

    def with_ends(*samples: Any, **options: Any) -> dict[str, Any]:
        made: dict[str, Any] = batchify(*samples, **options)
        counts = made["images_spatial_crop"]
        lacking = max(made["images"].shape[1] - counts.shape[1], 0)
        return {**made, "images_spatial_crop": mx.pad(counts, [(0, 0), (0, lacking), (0, 0)])}

    processor.batchify = with_ends
