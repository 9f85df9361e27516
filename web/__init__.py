"""The HTTP edge: OpenAI's endpoints, each call a job in the queue."""

import mlxq  # noqa: F401  (before anything else: it imports structlog without what we do not use of it)
