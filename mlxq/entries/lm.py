"""What the models' file may say of a text model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, TypeAlias

from msgspec import Meta, field

from mlxq.entries.model_entry import Name, about
from mlxq.entries.text import TextEntry
from mlxq.ranges import Text

Drafts: TypeAlias = Annotated[int, Meta(ge=1, le=32)]


class LmEntry(TextEntry, frozen=True, kw_only=True, tag="lm"):
    """A text model."""

    adapter_path: Annotated[Text | None, about("a folder with a LoRA or DoRA adapter")] = None
    adapters: Annotated[
        dict[Name, Text], about("LoRA or DoRA adapters that a request may choose: their names and folders")
    ] = field(default_factory=dict)
    draft_model_path: Annotated[
        Text | None,
        about(
            "a small model of the same vocabulary, whose drafts are checked by the large one while a single stream runs"
        ),
    ] = None
    num_draft_tokens: Annotated[Drafts, about("tokens that it drafts at a time")] = 2
    prompt_lookup_num_tokens: Annotated[
        int,
        Meta(ge=0, le=32),
        about(
            "most tokens that are drafted at a time out of prompt and answer, without a draft model, while up to four "
            "streams run; as many as pay, and 0 drafts none. The answer stays the same"
        ),
    ] = 0

    def faults(self) -> Iterator[tuple[tuple[str, ...], str]]:
        yield from super().faults()
        if self.adapter_path and self.adapters:
            yield ("adapter_path", "adapters"), "'adapter_path' is laid over the model for good; list it in 'adapters'"
        if self.draft_model_path and self.prompt_lookup_num_tokens:
            keys = ("draft_model_path", "prompt_lookup_num_tokens")
            yield keys, "'draft_model_path' and 'prompt_lookup_num_tokens' are two ways to draft; take one of them out"
