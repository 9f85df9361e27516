"""Kimi K3: elements of think and response in a message."""

from __future__ import annotations

from workers.parsers import thinking

NAMES: tuple[str, ...] = ("kimi_k3",)
RANK = 1
_OPEN, _CLOSE = "<|open|>think<|sep|>", "<|close|>think<|sep|>"
MARKERS: tuple[str, ...] = (_OPEN, _CLOSE)
CLOSE = _CLOSE
_ANSWER = "<|open|>response<|sep|>"
ANSWER = _ANSWER
_MARKS = thinking.ThinkingMarkers(
    (_OPEN,),
    (_CLOSE,),
    stray=(_CLOSE, _ANSWER),
    begins=(_ANSWER,),
    ends=("<|close|>response<|sep|>", "<|close|>message<|sep|>"),
)
begun, parser, prelude = _MARKS.begun, _MARKS.parser, _MARKS.prelude


def recognises(template: str) -> bool:
    """Whether the template or the vocabulary has Kimi's tags."""
    return "<|open|>" in template and "<|sep|>" in template
