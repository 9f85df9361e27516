"""`python -m workers`: the supervisor of the configured models."""

import os
import sys

from mlxq import configuration, home, parent
from mlxq.catalogue import Catalogue, CatalogueError
from tasks.processes import logs
from workers.parsers import detect, registry
from workers.supervisor import Supervisor


def main() -> None:
    """Run until told to stop; a bad setting or catalogue is said in one line."""
    try:
        settings, catalogue = configuration.load(os.environ)
        _check_formats(catalogue)
    except configuration.ConfigurationError as error:
        sys.exit(f"mlxq: {error}")
    logs.configure(settings.log_level)
    home.join(settings, os.environ)
    parent.end_with(os.environ)
    Supervisor(catalogue, settings).run()


def _check_formats(catalogue: Catalogue) -> None:
    """Raises CatalogueError for a name that no format has; the catalogue itself knows none."""
    for entry in catalogue:
        try:
            detect.check(entry.tool_call_parser, entry.reasoning_parser)
        except registry.UnknownFormat as error:
            raise CatalogueError(f"model '{entry.name}': {error}") from None


if __name__ == "__main__":
    main()
