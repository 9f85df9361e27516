"""`python -m workers`: the supervisor of the configured models."""

import os
import sys

from mlxq import configuration, home, parent
from tasks.processes import logs
from workers.supervisor import Supervisor


def main() -> None:
    """Run until told to stop; a bad setting or catalogue is said in one line."""
    try:
        settings, catalogue = configuration.load(os.environ)
    except configuration.ConfigurationError as error:
        sys.exit(f"mlxq: {error}")
    logs.configure(settings)
    home.join(settings, os.environ)
    parent.end_with(os.environ)
    Supervisor(catalogue, settings, os.environ).run()


if __name__ == "__main__":
    main()
