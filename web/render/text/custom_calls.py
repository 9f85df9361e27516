"""Calls of tools of type `custom`: the model calls a function of one text, and the client is shown the text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from tasks.values.events import CallDelta
from tasks.values.job import Job
from tasks.values.messages import ToolCall

_CUT = ("", '"}', "}")  # what an answer that was cut off may lack


class CustomCalls:
    """Those of one answer: shown as a whole, when the next call begins or the answer ends."""

    def __init__(self, job: Job) -> None:
        self._names = frozenset(job.options.custom_tools)
        self._open: dict[int, list[CallDelta]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def takes(self, call: CallDelta) -> bool:
        """Whether a piece belongs to such a call; it is kept until the call is told."""
        if call.name in self._names:
            self._open[call.number] = []
        if call.number not in self._open:
            return False
        self._open[call.number].append(call)
        return True

    def completed(self, before: int | None = None) -> Iterator[dict[str, Any]]:
        """Those that are complete: all, or all before the call of a number."""
        for number in sorted(number for number in self._open if before is None or number < before):
            pieces = self._open.pop(number)
            call = ToolCall(pieces[0].id, pieces[0].name, "".join(piece.arguments for piece in pieces))
            yield {"index": number, **shown(call)}


def shown(call: ToolCall) -> dict[str, Any]:
    """A call as the client gets it."""
    return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": text(call)}}


def text(call: ToolCall) -> str:
    """The text in the arguments that the model wrote, also where they were cut off; else those as they are."""
    arguments = call.arguments
    for ending in _CUT:
        try:
            decoded = msgspec.json.decode(arguments + ending)
        except msgspec.DecodeError:
            continue
        if isinstance(decoded, dict) and isinstance(decoded.get("input"), str):
            return str(decoded["input"])
    return arguments
