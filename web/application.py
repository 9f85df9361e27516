"""The Flask application, made from settings and a catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec
from flask import Flask, Response
from flask.json.provider import JSONProvider

from mlxq.catalogue import Catalogue
from mlxq.settings import Settings
from web import registry
from web.gateway import connect
from web.http import anthropic, errors, request_ids
from web.http.access import auth, capacity, cors, origins, quota
from web.http.body import unknown_fields
from web.http.wire.disconnect import ClientGone

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_SLASHES = re.compile("/{2,}")


class Json(JSONProvider):
    """JSON as every body of ours is written."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return msgspec.json.encode(obj).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return msgspec.json.decode(s)


class _Paths:
    """Takes a path with `//` in it, as a base URL that ends with a slash makes it, for the one that is meant."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["PATH_INFO"] = _SLASHES.sub("/", environ.get("PATH_INFO", ""))
        return self._app(environ, start_response)


def create_app(settings: Settings, catalogue: Catalogue) -> Flask:
    """The application of one web process; it has a thread that reads the queue, so make it after any fork."""
    app = Flask("mlxq", static_folder=None)
    app.json = Json(app)
    app.url_map.strict_slashes = app.url_map.merge_slashes = False  # a redirect would be a page
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.wsgi_app = _Paths(app.wsgi_app)  # type: ignore[method-assign]
    app.extensions["mlxq"] = connect(settings, catalogue)
    request_ids.register(app)
    anthropic.register(app)
    capacity.register(app)
    origins.register(app, settings)
    cors.register(app, settings)
    auth.register(app)
    quota.register(app)
    unknown_fields.register(app)
    errors.register(app)
    for blueprint in registry.blueprints():
        app.register_blueprint(blueprint)

    @app.errorhandler(ClientGone)
    def client_gone(_: ClientGone) -> Response:
        return Response(status=499)  # nobody reads it; nginx' number for it, in the log

    return app
