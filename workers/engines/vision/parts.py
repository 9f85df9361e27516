"""What a turn is made of, and what it shows once it is opened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

from tasks.values.messages import Media
from workers.engines.text.prompts import Prompt
from workers.engines.text.requester import Requester
from workers.engines.text.special_tokens import Rendered, SpecialTokens
from workers.engines.vision.family import Kind

Parts: TypeAlias = Sequence[dict[str, str]]  # {"type": "text", "text": …} or {"type": one of Kind}
Content: TypeAlias = str | Sequence[dict[str, str]]


class Medium(NamedTuple):
    """Something to show, opened: an image, a sound as samples, or a video as frames with their number a second."""

    kind: Kind
    content: Any
    rate: float = 0.0


class MediaReader(Protocol):
    """What makes a prompt of a rendered conversation and what it shows, by a model's own processor.

    `kinds` are what it takes; `reserved` are texts that stand for something shown. Where it `reads_text`, prompts that
    show nothing are its, too.
    """

    kinds: Sequence[Kind]
    reserved: frozenset[str]
    reads_text: bool

    def content(self, parts: Parts) -> Content:
        """A turn's content for a template that takes a string, or for what else writes the turns."""
        ...

    def prompt(
        self,
        rendered: Rendered,
        media: Sequence[Medium],
        special_tokens: SpecialTokens,
        vocabulary: int,
        requester: Requester,
    ) -> Prompt:
        """The prompt of a text with what it shows; raises InvalidValue, or JobCancelled while it waits."""
        ...


def split(text: str, media: Sequence[Media]) -> Parts:
    """A turn's parts in their order."""
    parts: list[dict[str, str]] = []
    done = 0
    for one in media:
        if one.at > done:
            parts.append({"type": "text", "text": text[done : one.at]})
        parts.append({"type": one.kind})
        done = one.at
    if done < len(text) or not media:  # templates look at the first part, so there is one
        parts.append({"type": "text", "text": text[done:]})
    return parts
