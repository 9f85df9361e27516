"""Items: what a response or a conversation is made of, as a client sends them.

A checked item has the fields that are known and nothing else, all of them JSON: it is what is stored and shown again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf

from schemas.containers import ByType, Items, kind
from schemas.fields import Body, Shapes, Text, about, loaded
from schemas.responses.parts import OUTPUT_PARTS, PARTS, Contents
from schemas.text.tools import Arguments

MAX_ITEMS = MAX_PARTS = 4096  # of an input
ROLES = ("user", "assistant", "system", "developer")
STATUSES = ("in_progress", "completed", "incomplete")
# Items of tools that OpenAI hosts, and of tools that control a computer.
HOSTED = (
    *("apply_patch_call", "apply_patch_call_output", "code_interpreter_call", "compaction_trigger", "computer_call"),
    *("computer_call_output", "file_search_call", "image_generation_call", "local_shell_call"),
    *("local_shell_call_output", "mcp_approval_request", "mcp_approval_response", "mcp_call", "mcp_list_tools"),
    *("shell_call", "shell_call_output", "tool_search_call", "tool_search_output", "web_search_call"),
)


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
        """Refuse images, sounds and files in messages of other roles than the user's."""
        content = data.get("content")
        if isinstance(content, list) and data.get("role") != "user":
            for index, part in enumerate(content):
                if part["type"] in ("input_image", "input_file", "input_audio"):
                    message = "is for messages of role 'user' only."
                    raise ValidationError({"content": {index: {"type": [message]}}})


class CallItem(Item):
    """Base of the calls of tools."""

    ACCEPTED: ClassVar[frozenset[str]] = Item.ACCEPTED | {"async", "caller", "parsed_arguments"}

    call_id = Text(required=True)
    name = Text(required=True)
    namespace = Text(metadata=about("The namespace of the tool that was called."))


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
    """One item. Without a type it is a message if it has a role, and otherwise a reference."""

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
    """Several items; the limit of parts holds for all of them together."""

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
