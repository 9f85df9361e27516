"""What an answer must look like: OpenAI's `response_format`, and vLLM's names for the same and more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias

import msgspec
from marshmallow import ValidationError, fields, validates_schema

from schemas.containers import ByType, kind, shallow
from schemas.fields import Body, Call, Flag, Shapes, Text

MAX_SOURCE = 64 * 1024  # bytes
MAX_CHOICES = 1024
OBJECT = '{"type":"object"}'

Kind: TypeAlias = Literal["json_schema", "regex", "choice", "grammar"]
KINDS: dict[str, Kind] = {"json": "json_schema", "regex": "regex", "choice": "choice", "grammar": "grammar"}


class Rule(NamedTuple):
    """One thing that an answer must look like, as text, and the field that says so."""

    kind: Kind
    source: str
    param: str


def bounded(source: str) -> str:
    """The same text; refuses one of more than 64 KiB."""
    if (size := len(source.encode())) > MAX_SOURCE:
        raise ValidationError(f"is {size} bytes long; at most {MAX_SOURCE} are taken.")
    return source


class Source(Text):
    """A regular expression or a grammar."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        return bounded(super()._deserialize(value, attr, data, **kwargs))

    def shape(self, _: Shapes) -> dict[str, Any]:
        """A string."""
        return {"minLength": 1, "maxLength": MAX_SOURCE}


class SchemaSource(fields.Field[str]):
    """A JSON schema as compact text with its properties in the order given, which is the order they are written in."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if not isinstance(value, dict):
            raise ValidationError("must be a JSON schema, an object.")
        shallow(value)
        return bounded(msgspec.json.encode(value).decode())

    def shape(self, _: Shapes) -> dict[str, Any]:
        """An object."""
        return {"type": "object"}


class SchemaText(SchemaSource):
    """A JSON schema, or a text that holds one."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if isinstance(value, str):
            try:
                value = msgspec.json.decode(bounded(value))
            except (msgspec.DecodeError, RecursionError) as error:
                raise ValidationError(f"is not valid JSON: {error}.") from None
        return super()._deserialize(value, attr, data, **kwargs)

    def shape(self, _: Shapes) -> dict[str, Any]:
        """An object, or its JSON."""
        return {"type": ["object", "string"]}


class Choices(fields.Field[str]):
    """1 to 1024 texts, none of them empty, as a JSON list."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if not isinstance(value, list) or not 1 <= len(value) <= MAX_CHOICES:
            raise ValidationError(f"must be a list of 1 to {MAX_CHOICES} strings.")
        for index, choice in enumerate(value):
            if not isinstance(choice, str) or not choice:
                raise ValidationError({index: ["must be a string that is not empty."]})
        return bounded(msgspec.json.encode(value).decode())

    def shape(self, _: Shapes) -> dict[str, Any]:
        """A list of strings."""
        one = {"type": "string", "minLength": 1}
        return {"type": "array", "items": one, "minItems": 1, "maxItems": MAX_CHOICES}


class TextFormatSchema(Body):
    """Any text."""

    type = kind("text")


class ObjectFormatSchema(Body):
    """Any JSON object or, with a schema, as llama.cpp's clients write it, one that obeys it."""

    type = kind("json_object")
    schema = SchemaSource()


class JsonSchemaSchema(Body):
    """A schema with its name; it is enforced, strict or not."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"description", "name", "strict"})

    schema = SchemaSource(required=True)


class JsonFormatSchema(Body):
    """A format of type `json_schema`; llama.cpp's clients leave out the object around the schema."""

    type = kind("json_schema")
    json_schema = fields.Nested(JsonSchemaSchema)
    schema = SchemaSource()

    @validates_schema
    def one_schema(self, data: Mapping[str, Any], **_: Any) -> None:
        """Take one schema, where OpenAI has it or beside the type."""
        if "json_schema" not in data and "schema" not in data:
            raise ValidationError("this field is required.", "json_schema")
        if "json_schema" in data and "schema" in data:
            raise ValidationError("contradicts 'json_schema'; send one of the two.", "schema")


FORMATS: dict[str, type[Body]] = {
    "text": TextFormatSchema,
    "json_object": ObjectFormatSchema,
    "json_schema": JsonFormatSchema,
}


class StructuredOutputsSchema(Body):
    """One constraint, as newer versions of vLLM write it."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"disable_fallback"})
    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "disable_additional_properties": (False,),
        "disable_any_whitespace": (False,),
        "structural_tag": (),
        "whitespace_pattern": (),
    }

    json = SchemaText()
    json_object = Flag()
    regex = Source()
    choice = Choices()
    grammar = Source()


class ConstrainedSchema(Call):
    """Base of the bodies whose answers can be held to a form."""

    response_format = ByType(FORMATS)
    guided_json = SchemaText()
    guided_regex = Source()
    guided_choice = Choices()
    guided_grammar = Source()
    structured_outputs = fields.Nested(StructuredOutputsSchema)

    @validates_schema
    def one_form(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse two constraints at once."""
        constraints = list(rules(data))
        if len(constraints) > 1:
            raise ValidationError(f"contradicts '{constraints[0].param}'; send one of the two.", constraints[1].param)


def rules(data: Mapping[str, Any]) -> Iterator[Rule]:
    """The constraints of a checked body."""
    answer = data.get("response_format", {"type": "text"})
    if "schema" in answer:
        yield Rule("json_schema", answer["schema"], "response_format.schema")
    elif answer["type"] == "json_object":
        yield Rule("json_schema", OBJECT, "response_format")
    elif answer["type"] == "json_schema":
        yield Rule("json_schema", answer["json_schema"]["schema"], "response_format.json_schema.schema")
    outputs = data.get("structured_outputs", {})
    if outputs.get("json_object"):
        yield Rule("json_schema", OBJECT, "structured_outputs.json_object")
    for name, form in KINDS.items():
        if f"guided_{name}" in data:
            yield Rule(form, data[f"guided_{name}"], f"guided_{name}")
        if name in outputs:
            yield Rule(form, outputs[name], f"structured_outputs.{name}")
