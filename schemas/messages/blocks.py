"""What a message of Anthropic's API says: content blocks of texts, images, documents, thinking, calls and results."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias

import msgspec
from marshmallow import ValidationError, fields, post_load
from marshmallow.validate import OneOf

from schemas.containers import ByType, kind, shallow
from schemas.fields import Body, Flag, Shapes, Text, about
from schemas.text.content import Media, base64_url
from schemas.text.tools import NAME

BETWEEN = "\n\n"  # texts of blocks that follow each other
PICTURES = ("image/jpeg", "image/png", "image/gif", "image/webp")
PLAIN = "text/plain"
DOCUMENTS = ("application/pdf", PLAIN)


class Thought(NamedTuple):
    """What an assistant thought before its turn; empty where only Anthropic could read it."""

    text: str


class ToolUse(NamedTuple):
    """A call of a tool; `arguments` are a JSON text."""

    id: str
    name: str
    arguments: str


class ToolResult(NamedTuple):
    """What a call gave, or why it failed."""

    call_id: str
    content: tuple[str | Media, ...]
    is_error: bool


Block: TypeAlias = str | Media | Thought | ToolUse | ToolResult


class BlockParamSchema(Body):
    """Base of all blocks; prompts are cached here without being told which."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"cache_control"})


class TextBlockParamSchema(BlockParamSchema):
    """Some words; the `citations` are those of an answer that is sent back."""

    ACCEPTED: ClassVar[frozenset[str]] = BlockParamSchema.ACCEPTED | {"citations"}

    type = kind("text")
    text = fields.String(required=True)


class Texts(fields.Field[str]):
    """A text, or blocks of text, which become its paragraphs."""

    _BLOCK = ByType({"text": TextBlockParamSchema})

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if isinstance(value, str):
            return value
        return BETWEEN.join(block["text"] for block in _each(value, self._BLOCK.deserialize))

    def shape(self, shapes: Shapes) -> dict[str, Any]:
        """A string, or a list of blocks."""
        return {"anyOf": [{"type": "string"}, {"type": "array", "items": shapes.field(self._BLOCK)}]}


class Base64ImageSchema(Body):
    """An image in base64."""

    type = kind("base64")
    media_type = fields.String(required=True, validate=OneOf(PICTURES))
    data = Text(required=True)


class UrlSourceSchema(Body):
    """What lies at an address."""

    type = kind("url")
    url = Text(required=True)


class FileSourceSchema(Body):
    """What was uploaded before."""

    type = kind("file")
    file_id = Text(required=True)


class ImageBlockParamSchema(BlockParamSchema):
    """An image."""

    type = kind("image")
    source = ByType({"base64": Base64ImageSchema, "url": UrlSourceSchema, "file": FileSourceSchema}, required=True)


class PlainTextSchema(Body):
    """A document that is plain text."""

    type = kind("text")
    media_type = fields.String(required=True, validate=OneOf((PLAIN,)))
    data = fields.String(required=True)


class Base64DocumentSchema(Body):
    """A PDF or a text in base64."""

    type = kind("base64")
    media_type = fields.String(required=True, validate=OneOf(DOCUMENTS))
    data = Text(required=True)

    @post_load
    def decode(self, source: dict[str, Any], **_: Any) -> dict[str, Any]:
        """A text as it would be without base64."""
        if source["media_type"] != PLAIN:
            return source
        try:
            return {**source, "type": "text", "data": b64decode(source["data"], validate=True).decode()}
        except ValueError:
            raise ValidationError("must be base64 of UTF-8.", "data") from None


class ContentDocumentSchema(Body):
    """A document in blocks of text."""

    type = kind("content")
    content = Texts(required=True)


class CitationsSchema(Body):
    """Whether answers cite a document, which none does here."""

    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {"enabled": (False,)}


class DocumentBlockParamSchema(BlockParamSchema):
    """A document: the pages of a PDF are images for a model that sees; others read its text."""

    type = kind("document")
    source = ByType(
        {
            "text": PlainTextSchema,
            "base64": Base64DocumentSchema,
            "content": ContentDocumentSchema,
            "url": UrlSourceSchema,
            "file": FileSourceSchema,
        },
        required=True,
    )
    title = fields.String()
    context = fields.String()
    citations = fields.Nested(CitationsSchema)


class SearchResultBlockParamSchema(BlockParamSchema):
    """What the client's own search found, which the model reads as text."""

    type = kind("search_result")
    source = fields.String(required=True)
    title = fields.String(required=True)
    content = Texts(required=True)
    citations = fields.Nested(CitationsSchema)


class ThinkingBlockParamSchema(BlockParamSchema):
    """What an assistant thought before its turn; its signature is not looked at."""

    ACCEPTED: ClassVar[frozenset[str]] = BlockParamSchema.ACCEPTED | {"signature"}

    type = kind("thinking")
    thinking = fields.String(required=True)


class RedactedThinkingBlockParamSchema(BlockParamSchema):
    """Thinking that only Anthropic can read, and that no prompt shows."""

    ACCEPTED: ClassVar[frozenset[str]] = BlockParamSchema.ACCEPTED | {"data"}

    type = kind("redacted_thinking")


class ToolUseBlockParamSchema(BlockParamSchema):
    """A tool that was called."""

    ACCEPTED: ClassVar[frozenset[str]] = BlockParamSchema.ACCEPTED | {"caller"}

    type = kind("tool_use")
    id = Text(required=True)
    name = fields.String(required=True, validate=NAME)
    input = fields.Dict(keys=fields.String(), required=True, validate=shallow)


class Blocks(fields.Field[tuple[Block, ...]]):
    """A text, or content blocks of these types."""

    def __init__(self, bodies: Mapping[str, type[Body]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._block = ByType(bodies)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> tuple[Block, ...]:
        if isinstance(value, str):
            return (value,)
        return tuple(_each(value, lambda block: _read(self._block.deserialize(block))))

    def shape(self, shapes: Shapes) -> dict[str, Any]:
        """A string, or a list of blocks."""
        return {"anyOf": [{"type": "string"}, {"type": "array", "items": shapes.field(self._block)}]}


_SHOWN: dict[str, type[Body]] = {
    "text": TextBlockParamSchema,
    "image": ImageBlockParamSchema,
    "document": DocumentBlockParamSchema,
    "search_result": SearchResultBlockParamSchema,
}


class ToolResultBlockParamSchema(BlockParamSchema):
    """What a call gave."""

    type = kind("tool_result")
    tool_use_id = Text(required=True)
    content = Blocks(_SHOWN)
    is_error = Flag(metadata=about("Whether the call failed, which the model is told before the content."))


# The blocks that a turn of each role may hold.
OF_ROLE: Mapping[str, Mapping[str, type[Body]]] = {
    "user": {**_SHOWN, "tool_result": ToolResultBlockParamSchema},
    "assistant": {
        "text": TextBlockParamSchema,
        "thinking": ThinkingBlockParamSchema,
        "redacted_thinking": RedactedThinkingBlockParamSchema,
        "tool_use": ToolUseBlockParamSchema,
    },
    "system": {"text": TextBlockParamSchema},
}


def _each(value: Any, read: Callable[[Any], Any]) -> list[Any]:
    """What is read of each block of a list; problems name the block."""
    if not isinstance(value, list):
        raise ValidationError("must be a string or a list of content blocks.")
    blocks = []
    for index, block in enumerate(value):
        try:
            blocks.append(read(block))
        except ValidationError as error:
            raise ValidationError({index: error.messages}) from None
    return blocks


def _read(block: Mapping[str, Any]) -> Block:
    name = block["type"]
    if name == "tool_use":
        return ToolUse(block["id"], block["name"], msgspec.json.encode(block["input"]).decode())
    if name == "tool_result":
        return ToolResult(block["tool_use_id"], block.get("content", ()), block.get("is_error", False))
    if name in ("thinking", "redacted_thinking"):
        return Thought(block.get("thinking", ""))
    if name == "image":
        return _media("image", block["source"])
    if name == "document":
        return _document(block["source"], block.get("title"), block.get("context"))
    if name == "search_result":
        return _paragraphs(block["title"], block["source"], block["content"])
    return str(block["text"])


def _media(kind: Literal["image", "file"], source: Mapping[str, Any], title: str = "") -> Media:
    if source["type"] == "base64":
        return Media(kind, base64_url(source["media_type"], source["data"]), "source.data", title=title)
    field = "url" if source["type"] == "url" else "file_id"
    return Media(kind, source[field], f"source.{field}", title=title)


def _document(source: Mapping[str, Any], *about_it: str | None) -> str | Media:
    """A document, behind what is said of it."""
    if source["type"] in ("text", "content"):
        return _paragraphs(*about_it, source.get("data", source.get("content")))
    return _media("file", source, _paragraphs(*about_it))


def _paragraphs(*texts: str | None) -> str:
    return BETWEEN.join(filter(None, texts))
