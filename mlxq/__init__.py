"""What every process knows before it starts: settings from the environment, models from a file."""

from mlxq.hide_packages import hide_packages

# Our logs are plain; rich takes twice as long to import as all of structlog.
with hide_packages("rich"):
    import structlog  # noqa: F401
