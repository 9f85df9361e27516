"""Everything a process is told when it starts: the environment, and the file that it names."""

from __future__ import annotations

from collections.abc import Mapping

from mlxq import home
from mlxq.catalogue import Catalogue, CatalogueError
from mlxq.settings import Settings, SettingsError

ConfigurationError = (SettingsError, CatalogueError)


def load(environ: Mapping[str, str]) -> tuple[Settings, Catalogue]:
    """Settings and models, with what the home keeps of them; raises a ConfigurationError."""
    settings, catalogue = checked(environ)
    return home.with_password(settings), catalogue


def checked(environ: Mapping[str, str]) -> tuple[Settings, Catalogue]:
    """Settings and models; the environment goes before the file's `server:` keys. Raises a ConfigurationError."""
    given = Settings.from_env(environ)
    catalogue = Catalogue.load(given.config, given.model_dir)
    return Settings.from_env(environ, catalogue.server), catalogue
