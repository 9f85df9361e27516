"""From the application's URL map to the OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import version
from typing import Any, NamedTuple

import msgspec
from apispec import APISpec
from flask import Flask
from werkzeug.routing import Rule

from schemas.fields import Body
from schemas.jobs.jobs import JobsStreamMessageSchema
from schemas.openapi import Plugin, doc, form, omissible
from schemas.responses.responses import ResponsesMessageSchema
from web import registry
from web.endpoint import Endpoint
from web.http.access import auth
from web.openapi import answers, errors, operation, parameters
from web.openapi.operation import FORM, JSON, Operation

VERSION = "3.1.0"
ABOUT = """A durable job queue in front of MLX models, spoken to with OpenAI's HTTP API and SDKs.

Every call of a model is a job. `Prefer: respond-async` answers with the job at once; its status, events and result are
below `/v1/jobs`. Every error is `{"error": {"message", "type", "param", "code"}}`."""
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
_TAGS = {
    "chat": "Chats, and the prompts that they become.",
    "completions": "Texts to continue.",
    "messages": "Chats and batches of them as Anthropic's API has them.",
    "tokens": "Texts as token ids, and back.",
    "embeddings": "Texts as vectors.",
    "scores": "How well texts answer others.",
    "audio": "Recordings as text.",
    "images": "Images, from words and from other images.",
    "jobs": "Any call as a job: polled, followed, listed, cancelled and deleted.",
    "files": "Uploads that outlive their request.",
    "batches": "The lines of a file as calls, run as there is room.",
    "conversations": "Items that outlive the calls which add to them and read them.",
    "models": "What is served.",
    "admin": "API keys and queues; for the admin key.",
    "server": "How the server is, and this document.",
}
_TAGGED = {"tokenize": "tokens", "detokenize": "tokens", "rerank": "scores", "score": "scores"}
_VERSIONED = re.compile(r"/v\d/(\w+)")


class Route(NamedTuple):
    """One method of one rule of the URL map, and what its view says of itself."""

    path: str
    method: str
    arguments: tuple[str, ...]
    operation: Operation
    view: Callable[..., Any]


@cache
def document() -> bytes:
    """The document as JSON, made once; it is the same whatever is served and for every caller."""
    app = Flask("mlxq", static_folder=None)
    for blueprint in registry.blueprints():
        app.register_blueprint(blueprint)
    return msgspec.json.encode(_Document(tuple(routes(app))).spec.to_dict())


def routes(app: Flask) -> Iterator[Route]:
    """Every route of an application; a websocket is told by the view that answers plain HTTP in its place."""
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if not rule.websocket:
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield Route(path(rule), method.lower(), tuple(sorted(rule.arguments)), operation.of(view), view)


def path(rule: Rule) -> str:
    """A rule's path, as OpenAPI writes it."""
    return _PARAMETER.sub(r"{\1}", rule.rule)


class _Document:
    """A document that is being made."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self._plugin = Plugin()
        self.spec = APISpec(
            "mlxq",
            version("mlxq"),
            VERSION,
            plugins=[self._plugin],
            info={"description": ABOUT, "license": {"name": "MIT", "identifier": "MIT"}},
            servers=[{"url": "/"}],
            security=[{"key": []}, {"x-api-key": []}, {}],
            tags=[{"name": name, "description": about} for name, about in _TAGS.items()],
        )
        self.spec.components.security_scheme(
            "key", {"type": "http", "scheme": "bearer", "description": "An API key, where the server has any."}
        )
        self.spec.components.security_scheme(
            "x-api-key",
            {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The same for Anthropic's."},
        )
        for name, header in parameters.ANSWERED.items():
            self.spec.components.header(name, header)
        for name, header in parameters.HEADERS.items():
            self.spec.components.parameter(name, "header", header)
        for name, response in errors.responses():
            self.spec.components.response(name, response)
        for name, shown in answers.components(route.operation for route in routes):
            self.spec.components.schema(name, shown)
        self.spec.components.schema("JobsStreamMessage", schema=JobsStreamMessageSchema)
        self.spec.components.schema("ResponsesMessage", schema=ResponsesMessageSchema)
        for route in routes:
            self.spec.path(route.path, operations={route.method: self._operation(route)})

    def _operation(self, route: Route) -> dict[str, Any]:
        operation, about = route.operation, doc(route.view).partition("\n\n")
        free, dialect = auth.is_open(route.path), errors.dialect_of(route.path)
        schema = operation.endpoint.schema if operation.endpoint is not None else operation.body
        paragraphs = (about[2], doc(schema) if schema is not None else "", operation.about)
        return {
            "operationId": operation.id,
            "summary": about[0].removesuffix("."),
            **({"description": "\n\n".join(texts)} if (texts := list(filter(None, paragraphs))) else {}),
            "tags": [_tag(route.path)],
            "parameters": list(self._parameters(route)),
            **(
                {}
                if schema is None
                else {"requestBody": {"required": True, "content": self._content(operation, schema)}}
            ),
            **({"security": []} if free else {}),
            "responses": {
                **dict(answers.successes(operation)),
                **{
                    status: {"$ref": f"#/components/responses/{errors.name(status, dialect)}"}
                    for status in sorted(errors.of(operation, route.method, route.path, free=free))
                },
                "default": {"$ref": f"#/components/responses/{errors.any_other(dialect)}"},
            },
        }

    def _parameters(self, route: Route) -> Iterator[dict[str, Any] | str]:
        for name in route.arguments:
            yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        if route.operation.query is not None:
            yield from self._plugin.parameters(route.operation.query)
        calls = parameters.CALL if route.operation.endpoint is not None else ()
        for name in (*calls, *route.operation.headers):
            yield name  # apispec makes a reference of it

    def _content(self, operation: Operation, schema: type[Body]) -> dict[str, Any]:
        name = operation.id[0].upper() + operation.id[1:]
        endpoint = operation.endpoint
        files = operation.files if endpoint is None else endpoint.files
        content = {}
        if not files or (endpoint is not None and endpoint.json):
            self.spec.components.schema(f"{name}Request", self._body(endpoint, schema))
            example = {} if operation.example is None else {"example": operation.example}
            content[JSON] = {"schema": answers.ref(f"{name}Request"), **example}
        if files:
            several = frozenset() if endpoint is None else endpoint.several
            shown = form(self._body(endpoint, schema), files, several)
            kind = "Form" if content else "Request"
            self.spec.components.schema(name + kind, shown)
            nested = [field for field, shape in shown["properties"].items() if "$ref" in shape]
            encoding = {field: {"style": "deepObject", "explode": True} for field in nested}
            content[FORM] = {"schema": answers.ref(name + kind), **({"encoding": encoding} if encoding else {})}
        return content

    def _body(self, endpoint: Endpoint | None, schema: type[Body]) -> dict[str, Any]:
        shown = self._plugin.object(schema)
        if endpoint is None or endpoint.names_model:
            return shown
        return omissible(shown, "model", "Who answers; may be left out where one model only serves this.")


def _tag(path: str) -> str:
    versioned = _VERSIONED.match(path)
    within = versioned[1] if versioned else "server"
    return _TAGGED.get(within, within)
