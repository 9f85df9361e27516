"""`/openapi.json`, and `/docs`: a page to read it and try it on, out of a package, so it needs no network."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path

from flask import Blueprint, Response, send_file

from web.http.errors import RouteNotFound
from web.openapi.document import document
from web.openapi.operation import operation

# Swagger UI sets styles of elements and draws with data URLs; nothing of it is fetched from elsewhere.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>mlxq API</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
"""
START = """SwaggerUIBundle({
  dom_id: "#swagger-ui",
  url: "/openapi.json",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  validatorUrl: null,
});
"""
FILES = frozenset({"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"})
blueprint = Blueprint("docs", __name__)


@blueprint.get("/openapi.json")
@operation("getOpenApiDocument", dict)
def openapi() -> Response:
    """This document."""
    return Response(document(), content_type="application/json")


@blueprint.get("/docs")
@operation("showDocs", media={"text/html": str})
def page() -> Response:
    """A page that shows this document and tries it."""
    response = Response(PAGE, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = POLICY
    return _safe(response)


@blueprint.get("/docs/<name>")
@operation("getDocsFile", media={"text/javascript": str, "text/css": str, "image/png": bytes})
def file(name: str) -> Response:
    """A file of the page."""
    if name == "start.js":
        return _safe(Response(START, content_type="text/javascript; charset=utf-8"))
    if name not in FILES:
        raise RouteNotFound(f"the page at /docs has no file '{name}'")
    return _safe(send_file(_folder() / name, max_age=0))


@cache
def _folder() -> Path:
    return Path(str(resources.files("flask_swagger_ui"))).resolve() / "dist"


def _safe(response: Response) -> Response:
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
