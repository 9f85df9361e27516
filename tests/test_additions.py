"""An addition touches the files that CONTRIBUTING names, and no other: each is made in a copy of the tree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.servers import ROOT

HABITS = " ".join((ROOT / "CONTRIBUTING.md").read_text().split())
PACKAGES = ("mlxq", "schemas", "tasks", "web", "workers", "tests")


class Tree:
    """A copy of the packages, whose files are links to ours until they are changed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        for package in PACKAGES:
            shutil.copytree(
                ROOT / package, root / package, copy_function=os.symlink, ignore=shutil.ignore_patterns("fixtures")
            )
        (root / "docs/reference").mkdir(parents=True)

    def add(self, path: str, text: str) -> None:
        """A new file, which CONTRIBUTING names with `x` for what is added."""
        assert not (self._root / path).exists()
        assert f"`{path.replace('echo', 'x')}`" in HABITS, f"CONTRIBUTING does not name {path}"
        (self._root / path).write_text(text)

    def edit(self, path: str, before: str, after: str) -> None:
        """A file that is changed at one place, which CONTRIBUTING names."""
        assert f"`{path}`" in HABITS, f"CONTRIBUTING does not name {path}"
        text = (self._root / path).read_text()
        assert text.count(before) == 1
        (self._root / path).unlink()
        (self._root / path).write_text(text.replace(before, after))

    def tables(self) -> None:
        """What `make tables` writes for the code: `mlxq/names.py` and the schema of the models' file."""
        assert "`make tables`" in HABITS
        (self._root / "mlxq/names.py").unlink()
        (self._root / "mlxq/names.py").write_text((ROOT / "mlxq/names.py").read_text())
        self.run(
            "from tests.support import model_keys\nfor path, text in model_keys.files().items(): path.write_text(text)"
        )

    def run(self, code: str) -> str:
        """What Python prints in the copy."""
        env = {**os.environ, "PYTHONPATH": str(self._root)}
        command = [sys.executable, "-c", code]
        ran = subprocess.run(command, cwd=self._root, env=env, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.strip()


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


ENDPOINT = {
    "schemas/text/echo.py": '''"""The body of `POST /v1/echo`."""

from marshmallow import fields

from schemas.text.messages import ConversationSchema


class EchoSchema(ConversationSchema):
    """A text to say again."""

    prompt = fields.String(required=True)
''',
    "web/render/text/echo.py": '''"""A text, said again."""

import msgspec

from tasks.values import results
from tasks.values.job import Job
from web.endpoint import Rendered


def body(job: Job, result: results.Result) -> Rendered:
    """The whole answer."""
    assert isinstance(result, results.TokensResult)
    return Rendered(msgspec.json.encode({"text": result.text}))
''',
    "web/api/text/echo.py": '''"""`POST /v1/echo`."""

from flask import Blueprint, Response

from schemas.text.echo import EchoSchema
from tasks.values.requests import TokenizeRequest
from web import calls
from web.api.text import shared
from web.endpoint import Endpoint, for_anyone
from web.openapi.operation import operation
from web.render.text import echo as render

blueprint = Blueprint("echo", __name__)
ENDPOINT = Endpoint(
    path="/v1/echo",
    model_types=shared.MODEL_TYPES,
    schema=EchoSchema,
    payload=lambda data: TokenizeRequest(data["prompt"], True),
    body=for_anyone(render.body),
)


@blueprint.post(ENDPOINT.path)
@operation("echo", endpoint=ENDPOINT)
def create() -> Response:
    """Say a text again."""
    return calls.serve(ENDPOINT)
''',
}


def test_an_endpoint_is_three_files(tree: Tree) -> None:
    for path, text in ENDPOINT.items():
        tree.add(path, text)
    served = tree.run(
        "import json\n"
        "from web import registry\n"
        "from web.openapi.document import document\n"
        "from web.batches.line_jobs import registry as lines\n"
        "names = {blueprint.name for blueprint in registry.blueprints()}\n"
        "print('echo' in names, '/v1/echo' in lines.endpoints(), '/v1/echo' in json.loads(document())['paths'])"
    )
    assert served == "True True True"


ENGINE = '''"""Models that say a text again."""

from mlxq.entries.echo import EchoEntry
from mlxq.settings import Settings
from workers.engine import Engine


class EchoEngine(Engine[str]):
    """Says it as loudly as the entry wants."""

    def __init__(self, volume: int) -> None:
        self.slots = volume


def load(entry: EchoEntry, settings: Settings) -> EchoEngine:
    """The engine of an entry."""
    return EchoEngine(entry.volume)
'''
ENTRY = '''"""What the models' file may say of a model that says a text again."""

from typing import Annotated

from mlxq.entries.model_entry import ModelEntry, about
from mlxq.ranges import Positive


class EchoEntry(ModelEntry, frozen=True, kw_only=True, tag="echo"):
    """A model that says a text again."""

    volume: Annotated[Positive, about("how loud it is")] = 3
'''
UNION = "AnyModelEntry: TypeAlias = (\n"


def test_an_engine_is_a_file_and_a_struct_in_another(tree: Tree) -> None:
    tree.add("workers/engines/echo.py", ENGINE)
    tree.add("mlxq/entries/echo.py", ENTRY)
    listed = f"from mlxq.entries.echo import EchoEntry\n\n{UNION}    EchoEntry |\n"
    tree.edit("mlxq/entries/__init__.py", UNION, listed)
    served = tree.run(
        "import importlib\n"
        "from click.testing import CliRunner\n"
        "from mlxq.catalogue import Catalogue, CatalogueError, schema\n"
        "from mlxq.cli import main\n"
        "from mlxq.settings import Settings\n"
        "parse = lambda **keys: Catalogue.parse({'models': [{'model_type': 'echo', 'model_path': 'm', **keys}]}, '')\n"
        "entry = parse(volume=5).models['m']\n"
        "print(importlib.import_module('workers.engines.' + entry.model_type).load(entry, Settings()).slots)\n"
        "print('--volume' in CliRunner().invoke(main, ['launch', '--help']).output, 'EchoEntry' in schema()['$defs'])\n"
        "try: parse(volume=0)\n"
        "except CatalogueError as error: print(error)"
    )
    slots, known, refused = served.splitlines()
    assert (slots, known) == ("5", "True True")
    assert re.search("volume.*not 0", refused)


def test_an_image_model_is_a_row(tree: Tree) -> None:
    last = '    "fibo": _FIBO,\n'
    tree.edit("workers/engines/images/variants.py", last, last + '    "echo-image": replace(_FIBO, steps=2),\n')
    tree.tables()
    served = tree.run(
        "from mlxq.catalogue import Catalogue\n"
        "entry = {'model_type': 'image-generation', 'model_path': 'm', 'config_name': 'echo-image'}\n"
        "print(Catalogue.parse({'models': [entry]}, '').models['m'].config_name)"
    )
    assert served == "echo-image"


@pytest.mark.parametrize(
    ("kind", "folder", "like"), [("tools", "tools/json_objects", "hermes"), ("reasoning", "reasoning", "seed_oss")]
)
def test_a_format_is_a_file(kind: str, folder: str, like: str, tree: Tree) -> None:
    model = (ROOT / "workers/parsers" / folder / f"{like}.py").read_text()
    text = re.sub(r"^NAMES(.*?) = .*$", r'NAMES\1 = ("echo",)', model, flags=re.MULTILINE)
    tree.add(f"workers/parsers/{folder}/echo.py", text.replace("tool_call>", "echo>").replace("seed:think", "echo"))
    tree.tables()
    key = "tool_call_parser" if kind == "tools" else "reasoning_parser"
    served = tree.run(
        "from mlxq.catalogue import Catalogue\n"
        "from workers.parsers.detect import detect\n"
        f"entry = {{'model_path': 'm', '{key}': 'echo'}}\n"
        f"print(Catalogue.parse({{'models': [entry]}}, '').models['m'].{key})\n"
        f"print(detect('<echo></echo> arguments').{kind})"
    )
    assert served == "echo\necho"
