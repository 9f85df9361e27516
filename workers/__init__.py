"""The processes that run models: a supervisor, and one worker a model with one engine thread in it."""

import mlxq  # noqa: F401  (before anything else: it imports structlog without what we do not use of it)
