"""Where a package file lies: asks the index that this machine's pip or uv is set up for."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import ssl
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import httpx

from workers.starter.models import PackageFile

_UV_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL")
_ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
# pip's option parser is where its variables, configuration files and default address come together.
_ASK_PIP = """
import json
from pip._internal.commands import create_command
options = create_command("download").parser.get_default_values()
print(json.dumps([options.index_url, options.cert, options.proxy]))
"""


class FetchError(Exception):
    """A package file could not be had; the message says what to do."""


@dataclass(frozen=True)
class Index:
    """A package index: the address of its simple API, and how to get there."""

    url: str
    certificates: str | None = None
    proxy: str | None = None

    @classmethod
    def configured(cls, environ: Mapping[str, str] = os.environ) -> Index:
        """The index of UV_DEFAULT_INDEX or UV_INDEX_URL, else the one pip would use.

        Raises FetchError when there is neither such a variable nor any pip to ask.
        """
        for variable in _UV_VARIABLES:
            if url := environ.get(variable, "").strip():
                return cls(url, environ.get("SSL_CERT_FILE"))
        command, path = _pip()
        try:
            answer = subprocess.run(
                [*command, "-c", _ASK_PIP], env={**environ, **path}, capture_output=True, text=True, check=True
            )
            url, certificates, proxy = json.loads(answer.stdout)
        except (OSError, subprocess.CalledProcessError, ValueError) as error:
            output = getattr(error, "stderr", None) or str(error)
            raise FetchError(
                f"pip does not say which package index to use ({output.strip().splitlines()[-1]}); "
                "set UV_DEFAULT_INDEX to its address"
            ) from error
        return cls(url, certificates, proxy or None)

    def client(self) -> httpx.Client:
        """An HTTP client for this index; timeouts are in seconds."""
        verify = ssl.create_default_context(cafile=self.certificates) if self.certificates else True
        return httpx.Client(verify=verify, proxy=self.proxy, timeout=60, follow_redirects=True)

    def locate(self, file: PackageFile, client: httpx.Client) -> str:
        """The address of a file; FetchError when the index does not list it (PEP 503, PEP 691)."""
        page = f"{self.url.rstrip('/')}/{file.project}/"
        answer = client.get(page, headers={"Accept": _ACCEPT})
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise FetchError(f"the package index does not have {file.project}; is a mirror configured that lacks it?")
        answer.raise_for_status()
        if "json" in answer.headers.get("Content-Type", ""):
            links: list[str] = [entry["url"] for entry in answer.json()["files"]]
        else:
            parser = _Links()
            parser.feed(answer.text)
            links = parser.found
        for link in links:
            if unquote(Path(urlsplit(link).path).name) == file.filename:
                return urljoin(str(answer.url), link)
        raise FetchError(f"the package index has {file.project} but not {file.filename}; is the mirror out of date?")


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


def _pip() -> tuple[list[str], dict[str, str]]:
    """How to start a Python that imports pip: a virtual environment made by uv has none of its own."""
    if importlib.util.find_spec("pip"):
        return [sys.executable], {}
    shared = sysconfig.get_config_var("WHEEL_PKG_DIR")
    for folder in (Path(str(files("ensurepip"))) / "_bundled", *([Path(shared)] if shared else [])):
        for wheel in sorted(folder.glob("pip-*.whl"), reverse=True):
            return [sys.executable], {"PYTHONPATH": str(wheel)}
    if uv := shutil.which("uv"):
        return [uv, "run", "--no-project", "--with", "pip", "python"], {}
    raise FetchError("neither pip nor uv is installed to say which package index to use; set UV_DEFAULT_INDEX")
