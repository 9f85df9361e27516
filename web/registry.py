"""What is served: every module's `blueprint`, and every `ENDPOINT` that makes jobs, by its path."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from types import ModuleType

from flask import Blueprint

from web import api
from web.endpoint import Endpoint


def _modules() -> Iterator[ModuleType]:
    for module in pkgutil.walk_packages(api.__path__, f"{api.__name__}."):
        if not module.ispkg:
            yield importlib.import_module(module.name)


def blueprints() -> Iterator[Blueprint]:
    """The blueprint of every resource."""
    for module in _modules():
        if isinstance(blueprint := getattr(module, "blueprint", None), Blueprint):
            yield blueprint


@cache
def endpoints() -> Mapping[str, Endpoint]:
    """The endpoints whose calls are jobs."""
    endpoints = (getattr(module, "ENDPOINT", None) for module in _modules())
    return {endpoint.path: endpoint for endpoint in endpoints if isinstance(endpoint, Endpoint)}
