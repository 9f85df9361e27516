"""Turns that were spoken and are told by the id of their audio: what was said in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.values import results
from tasks.values.errors import InvalidValue, JobNotFinished, NotFound
from web.http.errors import path
from web.identity import Caller
from web.render.text.spoken import PREFIX


def resolve(caller: Caller, data: Mapping[str, Any], within: str = "") -> Mapping[str, Any]:
    """A checked body whose turns hold what was said in them; InvalidValue names an id that stands for nothing."""
    turns = data.get("messages", ())
    if not any("audio" in turn for turn in turns):
        return data
    said = [
        {**turn, "content": _said(caller, turn["audio"]["id"], path(within, f"messages[{index}].audio.id"))}
        if "audio" in turn
        else turn
        for index, turn in enumerate(turns)
    ]
    return {**data, "messages": said}


def _said(caller: Caller, audio_id: str, param: str | None) -> str:
    store = caller.gateway.store
    try:
        if not audio_id.startswith(PREFIX):
            raise NotFound(audio_id)
        result = store.result(store.get(f"job_{audio_id.removeprefix(PREFIX)}", caller.owner))
    except (NotFound, JobNotFinished):
        result = None
    if not isinstance(result, results.TextResult):
        message = f"nothing is known of '{audio_id}', or nothing any more; send what was said as 'content'"
        raise InvalidValue(message, param=param)
    return result.choices[0].text
