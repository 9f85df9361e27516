"""Pages of other origins that may call and read this server: those that MLXQ_CORS_ORIGINS lists, by default none."""

from __future__ import annotations

from fnmatch import fnmatchcase

from flask import Flask, Response, request

from mlxq.settings import Settings

_METHODS = "GET, POST, DELETE, OPTIONS"
_SHOWN = "*, X-Request-ID, X-Job-ID, X-Ignored-Fields, Location, Preference-Applied, Retry-After, x-should-retry"
_REMEMBERED = "600"  # seconds


def allowed(settings: Settings, origin: str) -> bool:
    """Whether pages of this origin may read answers."""
    return any(fnmatchcase(origin.lower(), pattern) for pattern in settings.cors_origins)


def register(app: Flask, settings: Settings) -> None:
    """Answer browsers that ask beforehand, and tell them whose pages may read an answer; off without origins."""
    if not settings.cors_origins:
        return

    @app.before_request
    def preflight() -> Response | None:
        asks = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        return Response(status=204) if asks and allowed(settings, request.headers.get("Origin", "")) else None

    @app.after_request
    def show(response: Response) -> Response:
        response.vary.add("Origin")
        origin = request.headers.get("Origin", "")
        if not allowed(settings, origin):
            return response
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = _SHOWN
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = _METHODS
            response.headers["Access-Control-Allow-Headers"] = request.headers.get(
                "Access-Control-Request-Headers", "*"
            )
            response.headers["Access-Control-Max-Age"] = _REMEMBERED
            if "Access-Control-Request-Private-Network" in request.headers:
                response.headers["Access-Control-Allow-Private-Network"] = "true"
        return response
