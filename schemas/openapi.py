"""The bodies' JSON schemas, as an OpenAPI document holds them: apispec's, with what it cannot know of our fields."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema, fields
from marshmallow.validate import NoneOf

from schemas.containers import Items
from schemas.fields import Body, Upload, rows

BINARY = {"type": "string", "format": "binary"}
ACCEPTED = "Taken, changes nothing here."
IGNORED = "Another server's; ignored here, and named in `X-Ignored-Fields`."
REFUSED = "Not supported here; taken at {} only."


_GENERAL = (Body.__module__, Items.__module__)  # whose fields' own docstrings say nothing of what they hold here


def doc(of: object) -> str:
    """A docstring in one line of a paragraph each."""
    paragraphs = (inspect.getdoc(of) or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


class BodyConverter(OpenAPIConverter):
    """apispec's converter, which asks a field of ours for its shape and a body for its tables."""

    def field(self, field: fields.Field[Any]) -> dict[str, Any]:
        """The JSON schema of a field's value."""
        return self.field2property(field)

    def body(self, schema: type[Body]) -> dict[str, Any]:
        """A reference to the JSON schema of an object."""
        return dict(self.resolve_nested_schema(schema))  # type: ignore[no-untyped-call]

    def field2property(self, field: fields.Field[Any]) -> dict[str, Any]:
        """What apispec tells of a field, and what it does not."""
        shown: dict[str, Any] = super().field2property(field)
        for validator in field.validators:
            if isinstance(validator, NoneOf):
                shown["not"] = {"enum": list(validator.iterable)}
        if "pattern" in shown:  # Python's, which begins where the text does and knows an end of its own
            shown["pattern"] = f"^{shown['pattern'].removesuffix(chr(92) + 'Z')}$"
        if hasattr(field, "shape"):
            shown |= field.shape(self)
            if type(field).__module__ not in _GENERAL or isinstance(field, Upload):
                shown.setdefault("description", doc(type(field)))
        return shown

    def schema2jsonschema(self, schema: Schema) -> dict[str, Any]:
        """The JSON schema of a body: what is honoured, accepted and refused."""
        shown: dict[str, Any] = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]
        if not isinstance(schema, Body):
            return shown
        properties = shown["properties"]
        for row in rows(type(schema)):
            if row.support == "honoured":
                if not schema.fields[row.name].required:
                    properties[row.name] = optional(properties[row.name])
            elif row.support == "ignored":
                taken = {"enum": [None, *row.taken]} if row.taken else {}
                properties[row.name] = {**taken, "description": IGNORED}
            elif row.support == "accepted":
                properties[row.name] = {"description": ACCEPTED}
            else:
                values = [None, *row.taken]
                words = " and ".join(f"`{json.dumps(value)}`" for value in values)
                properties[row.name] = {"enum": values, "description": REFUSED.format(words)}
        return {"description": doc(type(schema)), **shown}


def _name(schema: type[Schema] | Schema) -> str:
    return (schema if isinstance(schema, type) else type(schema)).__name__.removesuffix("Schema")


class Plugin(MarshmallowPlugin):
    """apispec's plugin with this converter; a body's component is called as its class, without `Schema`."""

    Converter = BodyConverter

    def __init__(self) -> None:
        super().__init__(_name)

    def object(self, body: type[Body]) -> dict[str, Any]:
        """The JSON schema of a body."""
        return self._made().schema2jsonschema(body())

    def parameters(self, query: type[Body]) -> Iterator[dict[str, Any]]:
        """The parameters of a query; entries of an object are said as `metadata[key]=value`."""
        for parameter in self._made().schema2parameters(query(), location="query"):
            nested = parameter["schema"].get("type") == "object"
            yield {**parameter, **({"style": "deepObject", "explode": True} if nested else {})}

    def _made(self) -> BodyConverter:
        assert isinstance(self.converter, BodyConverter)  # noqa: S101  (APISpec has made it)
        return self.converter


def optional(shown: Mapping[str, Any]) -> dict[str, Any]:
    """The same or null, which counts as absent."""
    null: dict[str, Any] = {"type": "null"}
    if "anyOf" in shown:
        return {**shown, "anyOf": [*shown["anyOf"], null]}
    if "type" not in shown:
        return {"anyOf": [dict(shown), null]}
    types = shown["type"] if isinstance(shown["type"], list) else [shown["type"]]
    more = {"enum": [*shown["enum"], None]} if "enum" in shown else {}
    return {**shown, "type": [*types, "null"], **more}


def omissible(shown: Mapping[str, Any], name: str, about: str) -> dict[str, Any]:
    """The same body, of which a field that is required in general may be left out."""
    properties = {**shown["properties"], name: {**optional(shown["properties"][name]), "description": about}}
    return {**shown, "required": [one for one in shown["required"] if one != name], "properties": properties}


def form(shown: Mapping[str, Any], files: frozenset[str], several: frozenset[str]) -> dict[str, Any]:
    """The same body as a form, whose `files` are uploads, of which `several` may be more than one; it knows no null."""
    properties = {}
    for name, shape in shown["properties"].items():
        properties[name] = _required(shape)
        if name in files:
            uploads = {"type": "array", "items": BINARY} if name in several else BINARY
            properties[name] = {**uploads, "description": "The file's bytes."}
    return {**shown, "properties": properties}


def _required(shown: Mapping[str, Any]) -> dict[str, Any]:
    """What `optional` was given."""
    shape = dict(shown)
    if isinstance(shape.get("type"), list):
        shape["type"] = next(one for one in shape["type"] if one != "null")
    if "enum" in shape:
        shape["enum"] = [value for value in shape["enum"] if value is not None]
    if "anyOf" in shape:
        choices = [one for one in shape["anyOf"] if one != {"type": "null"}]
        shape = {**shape, "anyOf": choices} if len(choices) > 1 else choices[0]
    return shape
