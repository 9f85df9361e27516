"""What a worker tells of the model that it has loaded."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType


class Details(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a client may want to know before it asks; what is unset does not apply to models of this kind.

    `context_length` is in tokens, None where the worker does not say. `defaults` are sampling settings by their names
    in a request, for one that says nothing. `guidance_scale` is None where the model takes none.
    """

    context_length: int | None = None
    defaults: dict[str, int | float | None] | None = None
    modalities: tuple[str, ...] | UnsetType = UNSET  # that a conversation may hold
    dimensions: int | UnsetType = UNSET  # of a vector
    prompts: tuple[str, ...] | UnsetType = UNSET  # by name, that may stand before a text to embed
    voices: tuple[str, ...] | UnsetType = UNSET  # that can speak; none where any name may be one
    steps: int | UnsetType = UNSET  # of denoising, by default
    guidance_scale: float | UnsetType | None = UNSET
    images: int | UnsetType = UNSET  # that a call may bring
    mask: bool | UnsetType = UNSET
    size_multiple: int | UnsetType = UNSET  # pixels, of width and height


class Vitals(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a worker has to do, and what it has done since it started; `memory` are bytes that its device holds."""

    running: int = 0  # jobs that are computed together now
    waiting: int = 0  # jobs that are checked and wait for their place among them
    completed: int = 0
    failed: int = 0
    generated_tokens: int = 0
    tokens_per_second: float = 0.0  # since it was asked the last time
    memory: int = 0
