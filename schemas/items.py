"""Items: what a response or a conversation is made of, as a client sends them, and the turns that they add up to.

A checked item has the fields that are known and nothing else, all of them JSON: it is what is stored and shown again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf

from schemas.containers import ByType, Items, kind
from schemas.content import DETAILS, LOW, InputAudio, Media, Part, Parts, sound
from schemas.fields import Body, Shapes, Text, loaded
from schemas.tools import Arguments

MAX_ITEMS = MAX_PARTS = 4096  # of an input
ROLES = ("user", "assistant", "system", "developer")
STATUSES = ("in_progress", "completed", "incomplete")
# What only a service of OpenAI's makes, or somebody's computer that is lent to it.
HOSTED = (
    *("apply_patch_call", "apply_patch_call_output", "code_interpreter_call", "compaction_trigger", "computer_call"),
    *("computer_call_output", "file_search_call", "image_generation_call", "local_shell_call"),
    *("local_shell_call_output", "mcp_approval_request", "mcp_approval_response", "mcp_call", "mcp_list_tools"),
    *("shell_call", "shell_call_output", "tool_search_call", "tool_search_output", "web_search_call"),
)


class InputPart(Part):
    """Base of the parts of items; prompts are cached here without being told where they may be."""

    ACCEPTED: ClassVar[frozenset[str]] = Part.ACCEPTED | {"prompt_cache_breakpoint"}


class InputTextPart(InputPart):
    """Some words that a model is told."""

    type = kind("input_text")
    text = fields.String(required=True)


class OutputTextPart(InputPart):
    """Some words that a model said."""

    ACCEPTED: ClassVar[frozenset[str]] = InputPart.ACCEPTED | {"annotations", "logprobs", "parsed"}

    type = kind("output_text")
    text = fields.String(required=True)


class RefusedPart(InputPart):
    """Words with which a model refused."""

    type = kind("refusal")
    refusal = fields.String(required=True)


class InputImagePart(InputPart):
    """A picture, by a URL, a data URL, or the id of a file."""

    type = kind("input_image")
    image_url = Text()
    file_id = Text()
    detail = fields.String(validate=OneOf(DETAILS))

    @validates_schema
    def one(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse none and two."""
        _one_of(data, "image_url", "file_id")


class InputFilePart(InputPart):
    """A file, by its id, a URL, or a data URL."""

    type = kind("input_file")
    file_id = Text()
    file_data = Text()
    file_url = Text()
    filename = fields.String()
    detail = fields.String(validate=OneOf(DETAILS))

    @validates_schema
    def one(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse none and two."""
        _one_of(data, "file_id", "file_data", "file_url")


class InputAudioPart(InputPart):
    """A sound."""

    type = kind("input_audio")
    input_audio = fields.Nested(InputAudio, required=True)


def _one_of(data: Mapping[str, Any], *names: str) -> None:
    if sum(name in data for name in names) != 1:
        raise ValidationError(f"send one of {' and '.join(map(repr, names))}.", names[0])


PARTS: Mapping[str, type[Body]] = {
    "input_text": InputTextPart,
    "output_text": OutputTextPart,
    "refusal": RefusedPart,
    "input_image": InputImagePart,
    "input_file": InputFilePart,
    "input_audio": InputAudioPart,
}
OUTPUT_PARTS = {name: PARTS[name] for name in ("input_text", "input_image", "input_file")}


class Contents(fields.Field[str | list[dict[str, Any]]]):
    """A text, or a list of parts."""

    def __init__(self, parts: Mapping[str, type[Body]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._part = ByType(parts)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str | list[dict[str, Any]]:
        if isinstance(value, str):
            return value
        if not isinstance(value, list):
            raise ValidationError("must be a string or a list of parts.")
        return [_at(index, self._part, part) for index, part in enumerate(value)]

    def shape(self, shapes: Shapes) -> dict[str, Any]:
        """A string, or a list of parts."""
        return {"anyOf": [{"type": "string"}, {"type": "array", "items": shapes.field(self._part)}]}


def _at(index: int, field: fields.Field[Any], value: Any) -> Any:
    try:
        return field.deserialize(value)
    except ValidationError as error:
        raise ValidationError({index: error.messages}) from None


class Item(Body):
    """Base of all items; `id` and `status` are those that an answer gave it."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"created_by"})

    id = Text()
    status = fields.String(validate=OneOf(STATUSES))


class MessageItem(Item):
    """A message, whose type may be left out."""

    ACCEPTED: ClassVar[frozenset[str]] = Item.ACCEPTED | {"phase"}

    type = kind("message", required=False)
    role = fields.String(required=True, validate=OneOf(ROLES))
    content = Contents(PARTS, required=True)

    @validates_schema
    def agree(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse pictures, sounds and files in what is no user's message."""
        content = data.get("content")
        if isinstance(content, list) and data.get("role") != "user":
            for index, part in enumerate(content):
                if part["type"] in ("input_image", "input_file", "input_audio"):
                    message = "is for messages of role 'user' only."
                    raise ValidationError({"content": {index: {"type": [message]}}})


class CallItem(Item):
    """Base of the calls of tools."""

    ACCEPTED: ClassVar[frozenset[str]] = Item.ACCEPTED | {"async", "caller", "parsed_arguments"}
    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {"namespace": ()}

    call_id = Text(required=True)
    name = Text(required=True)


class FunctionCallItem(CallItem):
    """A function that was called; an answer that was cut off may end within its arguments."""

    type = kind("function_call")
    arguments = Arguments(required=True)


class CustomCallItem(CallItem):
    """A custom tool that was called, and the text that it was given."""

    type = kind("custom_tool_call")
    input = fields.String(required=True)


class OutputItem(Item):
    """What came of the call that `call_id` names."""

    ACCEPTED: ClassVar[frozenset[str]] = Item.ACCEPTED | {"caller", "name", "namespace"}

    type = kind("function_call_output", "custom_tool_call_output")
    call_id = Text(required=True)
    output = Contents(OUTPUT_PARTS, required=True)


class SummaryPart(Body):
    """A stretch of a summary of thinking."""

    type = kind("summary_text")
    text = fields.String(required=True)


class ThoughtPart(Body):
    """A stretch of thinking."""

    type = kind("reasoning_text")
    text = fields.String(required=True)


class ReasoningItem(Item):
    """What a model thought before what follows."""

    type = kind("reasoning")
    summary = Items(ByType({"summary_text": SummaryPart}), most=MAX_PARTS)
    content = Items(ByType({"reasoning_text": ThoughtPart}), most=MAX_PARTS)
    encrypted_content = Text()


class ReferenceItem(Body):
    """An item that is stored here, by its id."""

    type = kind("item_reference", required=False)
    id = Text(required=True)


class CompactionItem(Item):
    """What a conversation was compacted to."""

    type = kind("compaction")
    encrypted_content = Text(required=True)


ITEMS: Mapping[str, type[Body]] = {
    "message": MessageItem,
    "function_call": FunctionCallItem,
    "function_call_output": OutputItem,
    "custom_tool_call": CustomCallItem,
    "custom_tool_call_output": OutputItem,
    "reasoning": ReasoningItem,
    "item_reference": ReferenceItem,
    "compaction": CompactionItem,
}


class ItemField(ByType):
    """One item. Without a type it is a message where it has a role, and else a reference."""

    def __init__(self) -> None:
        super().__init__(ITEMS)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> dict[str, Any]:
        named = value.get("type") if isinstance(value, Mapping) else None
        if isinstance(value, Mapping) and named is None:
            named = "message" if "role" in value else "item_reference"
        if named in HOSTED:
            message = f"'{named}' belongs to a tool that is hosted elsewhere, and is not supported here."
            raise ValidationError({"type": [message]})
        if not isinstance(named, str) or named not in ITEMS:
            return super()._deserialize(value, attr, data, **kwargs)
        return {"type": named, **loaded(ITEMS[named], value)}

    def shape(self, shapes: Shapes) -> dict[str, Any]:
        """One of the objects; what has no type may look like several."""
        return {"anyOf": [shapes.body(body) for body in dict.fromkeys(ITEMS.values())]}


class ItemList(Items):
    """Several items, and of no more parts together than one may have."""

    def __init__(self, most: int = MAX_ITEMS, **kwargs: Any) -> None:
        super().__init__(ItemField(), most, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[Any]:
        if isinstance(value, list):
            held = [item.get(name) for item in value if isinstance(item, dict) for name in ("content", "output")]
            parts = sum(len(content) for content in held if isinstance(content, list))
            if parts > MAX_PARTS:
                raise ValidationError(f"hold {parts} parts; at most {MAX_PARTS} are taken.")
        return super()._deserialize(value, attr, data, **kwargs)


class InputItems(fields.Field[list[dict[str, Any]]]):
    """A text, which is a user's message, or a list of items."""

    _items = ItemList(validate=Length(min=1))

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> list[dict[str, Any]]:
        if isinstance(value, str):
            return [{"type": "message", "role": "user", "content": value}]
        if not isinstance(value, list):
            raise ValidationError("must be a string or a list of items.")
        items: Any = self._items.deserialize(value)
        return list(items)

    def shape(self, shapes: Shapes) -> dict[str, Any]:
        """A string, or a list of items."""
        return {"anyOf": [{"type": "string"}, shapes.field(self._items)]}


def turns(items: Sequence[Mapping[str, Any]], name: str = "input") -> list[dict[str, Any]]:
    """The turns of a conversation that items add up to, as the body of a chat has them; `name` is theirs in the body.

    Thinking, words and calls that follow each other are one turn of the assistant. What tools show is a turn of the
    user behind their results, as no template takes it elsewhere. References and compactions must have been replaced.
    """
    found: list[dict[str, Any]] = []
    shown: list[str | Media] = []
    for index, item in enumerate(items):
        if item["type"].endswith("_output"):
            content = _content(item["output"], f"{name}[{index}].output")
            shown += [part for part in content if isinstance(part, Media)]
            text = "".join(part for part in content if isinstance(part, str))
            found.append({"role": "tool", "content": text, "tool_call_id": item["call_id"]})
            continue
        found += _showing(shown)
        shown = []
        if item["type"] == "message" and item["role"] != "assistant":
            found.append(
                {"role": item["role"], "content": _joined(_content(item["content"], f"{name}[{index}].content"))}
            )
        else:
            _say(found, item)
    return [*found, *_showing(shown)]


def _showing(parts: Sequence[str | Media]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": tuple(parts)}] if parts else []


def _say(found: list[dict[str, Any]], item: Mapping[str, Any]) -> None:
    """Add to the assistant's turn, or begin one where the last is another's, or is over."""
    last = found[-1] if found and found[-1]["role"] == "assistant" else None
    words, calls = bool(last and last["content"]), bool(last and last.get("tool_calls"))
    over = {"reasoning": words or calls, "message": words and not calls}.get(item["type"], False)
    if last is None or over:
        last = {"role": "assistant", "content": ""}
        found.append(last)
    if item["type"] == "reasoning":
        last["reasoning_content"] = last.get("reasoning_content", "") + thinking(item)
    elif item["type"] == "message":
        last["content"] += "".join(map(str, _content(item["content"], "")))
    elif item["type"] == "function_call":
        called = {"id": item["call_id"], "function": {"name": item["name"], "arguments": item["arguments"]}}
        last.setdefault("tool_calls", []).append(called)
    else:
        custom = {"id": item["call_id"], "custom": {"name": item["name"], "input": item["input"]}}
        last.setdefault("tool_calls", []).append(custom)


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
        field = next(name for name in ("file_id", "file_data", "file_url") if name in part)
        return Media("file", part[field], field, param=param)
    if part["type"] == "input_audio":
        return Media("audio", sound(**part["input_audio"]), "input_audio.data", param=param)
    return str(part["refusal" if part["type"] == "refusal" else "text"])
