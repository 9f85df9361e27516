"""`python -m workers`: the supervisor of the configured models."""

import os
import sys

from mlxq.catalogue import Catalogue, CatalogueError
from mlxq.settings import Settings, SettingsError
from tasks import logs
from workers.supervisor import Supervisor


def main() -> None:
    """Run until told to stop; a bad setting or catalogue is said in one line."""
    try:
        settings = Settings.from_env(os.environ)
        catalogue = Catalogue.load(settings.config)
    except (SettingsError, CatalogueError) as error:
        sys.exit(f"mlxq: {error}")
    logs.configure(settings.log_level)
    Supervisor(catalogue, settings).run()


if __name__ == "__main__":
    main()
