"""`python -m workers`: the supervisor of the configured models."""

import os
import sys

from mlxq import configuration, exit_with_parent, home
from tasks.processes import logs
from workers import process


def main() -> None:
    """Run until told to stop; a bad setting or catalogue is said in one line."""
    try:
        settings, catalogue = configuration.load(os.environ)
    except configuration.ConfigurationError as error:
        sys.exit(f"mlxq: {error}")
    logs.configure(settings)
    home.join(settings, os.environ)
    exit_with_parent.watch_manager(os.environ)
    # Those that are always loaded import their libraries from here on, while this process does and Redis starts.
    begun = {entry.name: process.begin(entry, catalogue.server) for entry in catalogue if not entry.on_demand}
    from workers.supervision.supervisor import Supervisor

    Supervisor(catalogue, settings, os.environ, begun).run()


if __name__ == "__main__":
    main()
