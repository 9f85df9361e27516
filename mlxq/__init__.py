"""What every process knows before it starts: settings from the environment, models from a file."""

from mlxq.without import without

# Our logs are plain; rich takes twice as long to import as all of structlog.
with without("rich"):
    import structlog  # noqa: F401
