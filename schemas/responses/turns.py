"""From items to the turns of a conversation, as the body of a chat has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.responses.tools import qualified
from schemas.text.content import LOW, Media, Parts, file, sound


def turns(items: Sequence[Mapping[str, Any]], name: str = "input") -> list[dict[str, Any]]:
    """The turns that checked items add up to; `name` is the field of the body that holds the items.

    Thinking, words and calls that follow each other are one turn of the assistant. What tools show is a turn of the
    user behind their results, as no template takes it elsewhere. References and compactions must have been replaced.
    """
    messages: list[dict[str, Any]] = []
    shown: list[str | Media] = []
    for index, item in enumerate(items):
        if item["type"].endswith("_output"):
            content = _content(item["output"], f"{name}[{index}].output")
            shown += [part for part in content if isinstance(part, Media)]
            text = "".join(part for part in content if isinstance(part, str))
            messages.append({"role": "tool", "content": text, "tool_call_id": item["call_id"]})
            continue
        messages += _showing(shown)
        shown = []
        if item["type"] == "message" and item["role"] != "assistant":
            messages.append(
                {"role": item["role"], "content": _joined(_content(item["content"], f"{name}[{index}].content"))}
            )
        else:
            _say(messages, item)
    return [*messages, *_showing(shown)]


def _showing(parts: Sequence[str | Media]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": tuple(parts)}] if parts else []


def _say(messages: list[dict[str, Any]], item: Mapping[str, Any]) -> None:
    """Add to the assistant's turn, or begin one where the last is another's, or is over."""
    last = messages[-1] if messages and messages[-1]["role"] == "assistant" else None
    words, calls = bool(last and last["content"]), bool(last and last.get("tool_calls"))
    over = {"reasoning": words or calls, "message": words and not calls}.get(item["type"], False)
    if last is None or over:
        last = {"role": "assistant", "content": ""}
        messages.append(last)
    if item["type"] == "reasoning":
        last["reasoning_content"] = last.get("reasoning_content", "") + thinking(item)
    elif item["type"] == "message":
        last["content"] += "".join(map(str, _content(item["content"], "")))
    elif item["type"] == "function_call":
        called = {"id": item["call_id"], "function": {"name": _name(item), "arguments": item["arguments"]}}
        last.setdefault("tool_calls", []).append(called)
    else:
        custom = {"id": item["call_id"], "custom": {"name": _name(item), "input": item["input"]}}
        last.setdefault("tool_calls", []).append(custom)


def _name(call: Mapping[str, Any]) -> str:
    return qualified(call.get("namespace"), call["name"])


def thinking(item: Mapping[str, Any]) -> str:
    """What a reasoning item says: the thinking itself, or else what it was summed up to."""
    return "".join(part["text"] for part in item.get("content") or item.get("summary") or ())


def _joined(parts: Parts) -> str | Parts:
    return parts if any(isinstance(part, Media) for part in parts) else "".join(map(str, parts))


def _content(content: str | Sequence[Mapping[str, Any]], param: str) -> Parts:
    if isinstance(content, str):
        return (content,)
    return tuple(_part(part, f"{param}[{index}]") for index, part in enumerate(content))


def _part(part: Mapping[str, Any], param: str) -> str | Media:
    if part["type"] == "input_image":
        field = "image_url" if "image_url" in part else "file_id"
        return Media("image", part[field], field, LOW if part.get("detail") == "low" else None, param)
    if part["type"] == "input_file":
        named = {name: part[name] for name in ("file_id", "file_data", "file_url", "filename") if name in part}
        return file(**named, param=param, max_pixels=LOW if part.get("detail") == "low" else None)
    if part["type"] == "input_audio":
        return Media("audio", sound(**part["input_audio"]), "input_audio.data", param=param)
    return str(part["refusal" if part["type"] == "refusal" else "text"])
