"""Kimi K3: elements of think and response in a message."""

from __future__ import annotations

from collections.abc import Sequence

from workers.parsers import thinking
from workers.parsers.parser_events import Part

NAMES: tuple[str, ...] = ("kimi_k3",)
RANK = 1
_OPEN, _CLOSE = "<|open|>think<|sep|>", "<|close|>think<|sep|>"
MARKERS: tuple[str, ...] = (_OPEN, _CLOSE)
CLOSE = _CLOSE
_ANSWER = "<|open|>response<|sep|>"
ANSWER = _ANSWER
_MARKS = thinking.Marks(
    (_OPEN,),
    (_CLOSE,),
    stray=(_CLOSE, _ANSWER),
    begins=(_ANSWER,),
    ends=("<|close|>response<|sep|>", "<|close|>message<|sep|>"),
)
begun, parser = _MARKS.begun, _MARKS.parser


def recognises(template: str) -> bool:
    """Whether the template or the vocabulary has Kimi's tags."""
    return "<|open|>" in template and "<|sep|>" in template


def prelude(begun: bool) -> Sequence[Part]:
    """Thinking before a constrained answer."""
    return thinking.prelude(begun, _OPEN, _CLOSE)
