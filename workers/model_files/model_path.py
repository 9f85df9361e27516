"""Where a model's files lie."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlxq.model_path import STARTER, ModelPathError, folder
from workers.starter.folders import complete, folder_of
from workers.starter.models import STARTER_MODELS

# Leaves out weights for other frameworks, and code, which is run only where the entry trusts it.
_TOLD = ["*.json", "*.jsonl", "*.jinja", "*.txt", "*.model", "*.tiktoken"]
_WEIGHTS = ["*.safetensors", "*.npz"]


def resolve(model_path: str, cache: Path, *, code: bool = False, weights: bool = True) -> Path:
    """The folder of a model_path: a folder, `starter:NAME`, or a Hugging Face repo id, which is downloaded.

    Python files of a repo are left out unless `code` is wanted, and so are its weights where they are not.

    Raises ModelPathError.
    """
    return local(model_path, cache) or _hub(model_path, patterns(code=code, weights=weights))


def patterns(*, code: bool = False, weights: bool = True) -> list[str]:
    """The files of a repository that are wanted, as shells write patterns."""
    return [*_TOLD, *(_WEIGHTS if weights else []), *(["*.py"] if code else [])]


def local(model_path: str, cache: Path) -> Path | None:
    """The folder of a model_path that is on this machine, None for a Hugging Face repo id.

    Raises ModelPathError.
    """
    if model_path.startswith(STARTER):
        return _starter(model_path.removeprefix(STARTER), cache)
    return folder(model_path)


def _starter(name: str, cache: Path) -> Path:
    model = STARTER_MODELS.get(name)
    if model is None:
        raise ModelPathError(f"there is no starter model '{name}'; there are {', '.join(STARTER_MODELS)}")
    if not complete(model, cache):
        only = f" --only {name}" if model.optional else ""
        raise ModelPathError(f"the starter model '{name}' is not in {cache}: run `python -m workers.starter{only}`")
    return folder_of(model, cache)


def _hub(repo: str, wanted: list[str]) -> Path:
    # Importing the hub's client takes most of a second, which a worker with a local model need not wait for.
    from huggingface_hub import snapshot_download

    with sentences(repo):
        return Path(snapshot_download(repo, allow_patterns=wanted))


@contextmanager
def sentences(repo: str) -> Iterator[None]:
    """Raise what goes wrong with a repository of the Hugging Face hub as a ModelPathError, which says what to do."""
    import httpx
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    try:
        yield
    except HFValidationError as error:
        raise ModelPathError(f"{repo}: neither a folder nor a Hugging Face repo id (owner/name)") from error
    except GatedRepoError as error:
        raise ModelPathError(f"{repo} is gated: accept its terms on its page, then run `hf auth login`") from error
    except RepositoryNotFoundError as error:
        raise ModelPathError(
            f"{repo}: no such folder here and no such repository on the Hugging Face hub; "
            "check the spelling, or run `hf auth login` when it is private"
        ) from error
    except (LocalEntryNotFoundError, httpx.TransportError) as error:
        raise ModelPathError(
            f"{repo}: no such folder here, and the Hugging Face hub cannot be reached to download it; "
            "check the network, or give a local folder or starter:NAME"
        ) from error
    except (HfHubHTTPError, httpx.HTTPStatusError, OSError) as error:
        raise ModelPathError(f"{repo}: cannot download it from the Hugging Face hub: {error}") from error
