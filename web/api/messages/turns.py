"""From turns of Anthropic's API, in content blocks, to messages as the engines' requests hold them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple, TypeAlias

from schemas.messages.blocks import BETWEEN, Block, Thought, ToolResult, ToolUse
from schemas.text import content
from tasks.values.messages import Media, Message, ToolCall
from web.api.text.shared import medium

_FAILED = "Error: "  # what the model reads before the content of a call that failed


class Placed(NamedTuple):
    """A block, and where in the request it stands, for errors."""

    block: Block
    place: str


def messages(turns: Sequence[Mapping[str, Any]]) -> Iterator[Message]:
    """The messages of these turns; several in a row of one role are one, as with Anthropic."""
    for role, several in groupby(enumerate(turns), key=lambda numbered: str(numbered[1]["role"])):
        blocks = [
            Placed(block, f"messages[{number}].content[{index}]")
            for number, turn in several
            for index, block in enumerate(turn["content"])
        ]
        yield from _OF_ROLE[role](blocks)


def _user(blocks: Sequence[Placed]) -> Iterator[Message]:
    """What calls gave, one message each, and what the user shows and says behind them.

    Images that calls gave stand there too: no chat template can show them in a result.
    """
    shown: list[Placed] = []
    results = [one for one in blocks if isinstance(one.block, ToolResult)]
    for result, place in results:
        assert isinstance(result, ToolResult)  # noqa: S101  (they were chosen by that)
        parts = [Placed(part, f"{place}.content[{index}]") for index, part in enumerate(result.content)]
        shown += [part for part in parts if isinstance(part.block, content.Media)]
        text, _ = _said(part for part in parts if isinstance(part.block, str))
        yield Message("tool", _FAILED + text if result.is_error else text, call_id=result.call_id)
    others = [*shown, *(one for one in blocks if not isinstance(one.block, ToolResult))]
    if others or not results:
        text, media = _said(others)
        yield Message("user", text, media=media)


def _assistant(blocks: Sequence[Placed]) -> Iterator[Message]:
    text, _ = _said(blocks)
    thoughts = [one.block.text for one in blocks if isinstance(one.block, Thought)]
    calls = tuple(ToolCall(*one.block) for one in blocks if isinstance(one.block, ToolUse))
    yield Message("assistant", text, calls=calls, reasoning=BETWEEN.join(filter(None, thoughts)))


def _system(blocks: Sequence[Placed]) -> Iterator[Message]:
    yield Message("system", _said(blocks)[0])


_OF_ROLE: Mapping[str, Callable[[Sequence[Placed]], Iterator[Message]]] = {
    "user": _user,
    "assistant": _assistant,
    "system": _system,
}
_Said: TypeAlias = tuple[str, tuple[Media, ...]]


def _said(blocks: Iterable[Placed]) -> _Said:
    """A text whose paragraphs are the blocks of text, and what is shown at which places of it."""
    text, media, within = "", list[Media](), False
    for block, place in blocks:
        if isinstance(block, str):
            text += BETWEEN + block if within else block
        elif isinstance(block, content.Media):
            media.append(medium(block, len(text), place))
        within = isinstance(block, str)
    return text, tuple(media)
