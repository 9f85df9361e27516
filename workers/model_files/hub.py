"""`python -m workers.model_files.hub`: models on this machine, fetched from the Hugging Face hub and deleted."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import click

from mlxq.model_path import STARTER, ModelPathError
from mlxq.settings import Settings, SettingsError
from mlxq.struct_reader import near
from workers.model_files.model_path import local, resolve
from workers.model_files.servable import fit
from workers.starter.folders import complete, folder_of
from workers.starter.models import STARTER_MODELS


@dataclass(frozen=True)
class Kept:
    """A model on this machine: its `size` in bytes, and what it can be served as."""

    name: str
    serve_as: str | None
    size: int
    path: str


def kept(cache: Path) -> Iterator[Kept]:
    """The starter models that are made and the repositories that were fetched, those of the hub by their names."""
    for name, model in STARTER_MODELS.items():
        if complete(model, cache):
            folder = folder_of(model, cache)
            yield Kept(
                f"{STARTER}{name}", model.kind, sum(file.stat().st_size for file in folder.rglob("*")), str(folder)
            )
    for repo in sorted(_fetched(), key=lambda repo: str(repo.repo_id)):
        for revision in sorted(repo.revisions, key=lambda one: float(one.last_modified))[-1:]:
            folder = Path(revision.snapshot_path)
            name = str(repo.repo_id)
            yield Kept(name, fit(name, folder, _config(folder)).serve_as, int(repo.size_on_disk), str(folder))


def remove(name: str, cache: Path) -> Path:
    """Delete a model and return where it was; ModelPathError when it is not here."""
    there = {one.name: one for one in kept(cache)}
    if name not in there:
        raise ModelPathError(f"{name} is not on this machine{near(name, there)} `mlxq models list` tells what is")
    folder = Path(there[name].path)
    if name.startswith(STARTER):
        shutil.rmtree(folder)
        return folder
    (repo,) = (one for one in _fetched() if one.repo_id == name)
    from huggingface_hub import constants, scan_cache_dir

    scan_cache_dir(constants.HF_HUB_CACHE).delete_revisions(*(one.commit_hash for one in repo.revisions)).execute()
    return Path(repo.repo_path)


def _fetched() -> list[Any]:
    """What huggingface_hub keeps of models; nothing where it is not installed, or has kept nothing yet."""
    try:
        from huggingface_hub import constants, scan_cache_dir
        from huggingface_hub.errors import CacheNotFound
    except ImportError:
        return []
    try:
        return [repo for repo in scan_cache_dir(constants.HF_HUB_CACHE).repos if repo.repo_type == "model"]
    except CacheNotFound:
        return []


def _config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}


@click.group()
def main() -> None:
    """Look after the models of this machine."""


@main.command(name="list")
@click.option("--json", "as_json", is_flag=True)
def show(as_json: bool) -> None:
    """List what is here, a model a line."""
    repositories = list(kept(_cache()))
    if as_json:
        click.echo(json.dumps([asdict(one) for one in repositories], indent=2))
        return
    width = max((len(one.name) for one in repositories), default=0)
    for one in repositories:
        click.echo(f"{one.name:<{width}}  {one.serve_as or '-':<16}  {one.size / 1e9:6.2f} GB  {one.path}")


@main.command()
@click.argument("repo")
@click.option("--code", is_flag=True)
def pull(repo: str, code: bool) -> None:
    """Fetch a repository, or go on with what was fetched of it, and say what it is."""
    try:
        folder = local(repo, _cache()) or fetch(repo, code=code)
    except ModelPathError as error:
        _fail(str(error))
    suits = fit(repo, folder, _config(folder))
    click.echo(f"{repo}: {folder}")
    if suits.serve_as:
        click.echo(f"serve it with: mlxq launch --model-path {repo} --model-type {suits.serve_as}")
    for problem in filter(None, (suits.unsupported, *suits.broken)):
        click.echo(f"but {problem}", err=True)


@main.command()
@click.argument("name")
@click.option("--yes", is_flag=True)
def rm(name: str, yes: bool) -> None:
    """Delete a model of this machine."""
    cache = _cache()
    there = next((one for one in kept(cache) if one.name == name), None)
    if there is not None and not yes:
        click.confirm(f"delete {name}, {there.size / 1e9:.2f} GB?", abort=True)
    try:
        click.echo(f"{remove(name, cache)} is deleted")
    except ModelPathError as error:
        _fail(str(error))


@main.command()
@click.argument("model")
def check(model: str) -> None:
    """Say whether a model's files are whole and can be served; the exit code is 1 when not."""
    try:
        folder = resolve(model, _cache(), weights=False)
    except ModelPathError as error:
        _fail(str(error))
    suits = fit(model.rpartition("/")[2], folder, _config(folder))
    problems = [problem for problem in (suits.unsupported, *suits.broken) if problem]
    if problems:
        _fail("\n".join(f"{model}: {problem}" for problem in problems))
    click.echo(f"{model}: whole, and served with model_type: {suits.serve_as}")


def fetch(repo: str, *, code: bool) -> Path:
    """A repository of the hub, fetched; raises ModelPathError."""
    if find_spec("huggingface_hub") is None:
        raise ModelPathError("huggingface_hub is not installed: `pip install 'mlxq[mlx]'`")
    from workers.model_files.pull import pull as pulled

    return pulled(repo, _cache() / "downloads", code=code)


def _cache() -> Path:
    try:
        return Settings.from_env(os.environ).cache
    except SettingsError as error:
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    click.echo(f"mlxq: {message}", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
