"""When each word is said: mlx-whisper's alignment by cross-attention, on features that are there already."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from tasks.values.events import Segment, Word
from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402 - after OpenBLAS
from mlx_whisper.timing import add_word_timestamps  # noqa: E402

HEADS = ("alignment_heads.json", "generation_config.json")


class Aligner:
    """Finds the words of segments in their window; it stands in for the model, whose encoder would run again."""

    def __init__(self, model: Any) -> None:
        self._model = model

    @property
    def alignment_heads(self) -> mx.array:
        """(layer, head) of the attention heads that follow the words."""
        heads: mx.array = self._model.alignment_heads
        return heads

    def forward_with_cross_qk(self, features: mx.array, tokens: mx.array) -> tuple[mx.array, Any]:
        """As the model's own, but of features (1, positions, state)."""
        logits, _, weights = self._model.decoder(tokens, features)
        return logits, weights

    def align(
        self, segments: Sequence[Segment], tokenizer: Any, features: mx.array, frames: int, before: float
    ) -> list[Segment]:
        """The segments of a window of `frames` frames with their words, begun and ended with these.

        `before` is when the last word before the window ended, in seconds.
        """
        timed = [{"seek": one.seek, "start": one.start, "end": one.end, "tokens": list(one.tokens)} for one in segments]
        add_word_timestamps(
            segments=timed,
            model=self,
            tokenizer=tokenizer,
            mel=features,
            num_frames=frames,
            last_speech_timestamp=before,
        )
        return [_timed(segment, one) for segment, one in zip(segments, timed, strict=True)]


def _timed(segment: Segment, timed: dict[str, Any]) -> Segment:
    words = tuple(
        Word(word["word"], float(word["start"]), float(word["end"]), float(word["probability"]))
        for word in timed["words"]
    )
    return replace(segment, start=float(timed["start"]), end=float(timed["end"]), words=words)


def set_heads(model: Any, folder: Path) -> None:
    """Tell a model which of its heads follow the words, where a file beside the weights knows."""
    for name in HEADS:
        if (folder / name).is_file():
            config = json.loads((folder / name).read_text())
            heads = config if isinstance(config, list) else config.get("alignment_heads")
            if heads:
                model.set_alignment_heads(np.array(heads))
                return
