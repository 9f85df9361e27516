"""Every snippet of the documents runs, and every table in them says what the code says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import pytest
import yaml

from mlxq.catalogue import Catalogue, schema
from mlxq.entries import ENTRIES, MODEL_TYPES
from mlxq.entries.model_entry import RENAMED
from mlxq.ranges import SAMPLING
from mlxq.variables import DEFAULT, VARIABLES
from tests import tables
from tests.contract.__main__ import EXAMPLES as ELSEWHERE
from tests.support import model_keys, recordings, starter
from tests.support.receivers import SECRET
from tests.support.servers import PATIENCE, ROOT, Stack, Valkey, running
from tests.tables import DOCUMENTS
from tests.workers.engines.vision.asking import encoded, noise
from web.http.errors import ANSWERS
from workers.engines.images.variants import VARIANTS

URL = "http://127.0.0.1:8000"
BLOCK = re.compile(r"```(python|sh)\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)
INCLUDED = re.compile(r'^--8<-- "([\w./]+?)(?::(\w+))?"\n', re.MULTILINE)
EXAMPLES = {path.relative_to(ROOT).as_posix(): path.read_text() for path in sorted((ROOT / "examples").glob("*.py"))}
MODELS = ROOT / "docs/operate/models.md"


class Snippet(NamedTuple):
    language: str
    code: str
    output: str


def whole(text: str) -> str:
    """A page, or a block of code, with the files or parts of files that it includes."""

    def part(found: re.Match[str]) -> str:
        file = (ROOT / found[1]).read_text()
        return file.split(f"[start:{found[2]}] -->")[1].split(f"<!-- --8<-- [end:{found[2]}]")[0] if found[2] else file

    return INCLUDED.sub(part, text)


def snippets() -> Iterator[Snippet]:
    """What the documents tell to run, each once; a block of the shell counts when it calls the server."""
    seen = set()
    for document in DOCUMENTS:
        for language, block, output in BLOCK.findall(document.read_text()):
            snippet = Snippet(language, whole(block), output)
            if (language == "python" or "curl" in block) and snippet.code not in seen:
                seen.add(snippet.code)
                yield snippet


SNIPPETS = list(snippets())
IMAGES = [snippet for snippet in SNIPPETS if "client.images" in snippet.code]
UNSERVED = ('"qwen3-vl"', '"qwen3-omni"', '"kokoro"', '"bge-reranker-v2-m3"', "MLXQ_WEBHOOK_SECRET")  # by `make serve`
SPECIAL = [snippet for snippet in SNIPPETS if any(name in snippet.code for name in UNSERVED)]
BY_CONTRACT = [snippet for snippet in SNIPPETS if snippet.code in {EXAMPLES[f"examples/{name}"] for name in ELSEWHERE}]
OTHERS = [snippet for snippet in SNIPPETS if snippet not in (*IMAGES, *SPECIAL, *BY_CONTRACT)]


def name(snippet: Snippet) -> str:
    file = next((path for path, code in EXAMPLES.items() if code == snippet.code), None)
    return file or snippet.code.strip().splitlines()[-1][:50]


def run(snippet: Snippet, url: str, folder: Path) -> str:
    """What a snippet prints, run in this folder against the server at this address."""
    code = snippet.code.replace(URL, url)
    command = [sys.executable, "-c", code] if snippet.language == "python" else ["sh", "-euc", code]
    env = {**os.environ, "MLXQ_URL": url, "MLXQ_WEBHOOK_SECRET": SECRET}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), "it shows nothing"
    return done.stdout


@pytest.mark.parametrize("snippet", OTHERS, ids=name)
def test_a_snippet_runs_and_says_what_is_written_there(snippet: Snippet, real_stack: Stack, tmp_path: Path) -> None:
    recording, words = recordings.librivox()[4]
    shutil.copy(recording, tmp_path / "speech.wav")
    shown = run(snippet, real_stack.url, tmp_path)
    if "transcriptions" in snippet.code:
        assert set(words.split()[:4]) <= set(re.findall(r"\w+", shown.lower()))
    elif snippet.output:
        assert shown == snippet.output


@pytest.mark.parametrize("snippet", IMAGES, ids=name)
def test_a_snippet_that_makes_pictures_runs(snippet: Snippet, image_stack: Stack, tmp_path: Path) -> None:
    code = snippet.code.replace("512x512", "128x128")  # tiny models, on a CPU
    code = code.replace('"flux2-klein-4b"', '"flux2"').replace('"flux2-klein-edit-4b"', '"flux2-edit"')
    (tmp_path / "lighthouse.png").write_bytes(encoded(noise(1, 128, 128)))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert run(snippet._replace(code=code), image_stack.url, tmp_path) == snippet.output
    made = [path for path in tmp_path.iterdir() if path.read_bytes() != before.get(path)]
    assert [path.read_bytes()[:4] for path in made] == [b"\x89PNG"]


@pytest.fixture(scope="module")
def special_stack(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Tiny models that see, score and speak, and webhooks that may go to this machine."""
    from tests.workers.engines.scoring.rerankers import FIXTURES
    from tests.workers.engines.vision import tiny, zoo
    from tests.workers.engines.voices import tiny as voices

    folder = tiny.save(tmp_path_factory.mktemp("model"), "qwen3_vl")
    seeing = {"model_path": str(folder), "served_model_name": "qwen3-vl", "model_type": "multimodal"}
    omni = zoo.save(tmp_path_factory.mktemp("omni") / "omni", "qwen3_omni_moe")
    answering = {"model_path": str(omni), "served_model_name": "qwen3-omni", "model_type": "multimodal"}
    scoring = {
        "model_path": str(FIXTURES / "bert"),
        "served_model_name": "bge-reranker-v2-m3",
        "model_type": "rerank",
    }
    speaking = {
        "model_path": str(voices.pocket(tmp_path_factory.mktemp("voice") / "pocket")),
        "served_model_name": "kokoro",
        "model_type": "text-to-speech",
        "voices": {"af_heart": voices.VOICES[0]},
    }
    embedding = next(model for model in starters() if model["model_type"] == "embeddings")
    starter.folder(embedding["served_model_name"])
    env = {"MLXQ_WEBHOOK_SECRET": SECRET, "MLXQ_WEBHOOK_ALLOW_PRIVATE": "1"}
    models = [seeing, answering, scoring, speaking, embedding]
    yield from running(Stack(valkey, tmp_path_factory.mktemp("special"), models, **env))


def starters() -> list[dict[str, Any]]:
    """The models that `make serve` serves."""
    return list(yaml.safe_load((ROOT / "models.yaml").read_text())["models"])


@pytest.mark.parametrize("snippet", SPECIAL, ids=name)
def test_a_snippet_that_needs_a_model_that_sees_scores_or_speaks_or_webhooks_runs(
    snippet: Snippet, special_stack: Stack, tmp_path: Path
) -> None:
    (tmp_path / "lighthouse.png").write_bytes(encoded(noise(1)))
    run(snippet, special_stack.url, tmp_path)


def test_there_are_snippets_for_each_kind_of_model() -> None:
    code = "".join(snippet.code for snippet in SNIPPETS)
    calls = "chat.completions stream=True image_url embeddings rerank score transcriptions audio.speech client.images"
    assert all(call in code for call in (*calls.split(), "/v1/jobs", "batches", "webhooks"))


def test_every_example_is_in_a_document() -> None:
    assert {path for path, code in EXAMPLES.items() if code in {snippet.code for snippet in SNIPPETS}} == set(EXAMPLES)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=name)
def test_a_snippet_that_has_a_model_write_says_how_much(snippet: Snippet) -> None:
    asks = len(re.findall(r"completions\.(?:create|parse)\(|\"model\": \"smollm2", snippet.code))
    assert snippet.code.count("max_tokens") >= asks or "/v1/chat/render" in snippet.code


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_tables_of_a_document_are_the_code_s(document: Path) -> None:
    text = document.read_text()
    assert tables.written(text) == text, "`make tables` writes them"


def test_every_table_is_in_a_document() -> None:
    text = "".join(document.read_text() for document in DOCUMENTS)
    assert [name for name in tables.TABLES if not tables.place(name).search(text)] == []


def test_the_settings_table_names_every_variable_and_no_other() -> None:
    table = (ROOT / "docs/operate/settings.md").read_text().split("`docker compose")[0]
    told = set(re.findall(r"`((?:MLXQ_|REDIS_)\w+|PORT)`", table))
    assert told == {variable for variable, _ in VARIABLES.values()} | {"MLXQ_REDIS_PORT"} | {
        DEFAULT + name.upper() for name in SAMPLING
    }


def test_troubleshooting_says_of_every_code_what_to_do() -> None:
    told = keyed(section(ROOT / "docs/operate/troubleshooting.md", "By code"))
    assert told == set(ANSWERS)


def test_who_comes_from_mlx_openai_server_is_told_of_every_key_that_is_called_otherwise() -> None:
    told = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs/operate/migrate.md").read_text()))
    assert told >= RENAMED.keys()


def section(document: Path, heading: str) -> str:
    """What stands below a heading of the second level."""
    return document.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]


YAML = [block for document in DOCUMENTS for block in re.findall(r"```yaml\n(.*?)```", document.read_text(), re.DOTALL)]


@pytest.mark.parametrize("text", [*YAML, (ROOT / "models.yaml").read_text()])
def test_every_models_file_of_the_documents_is_right_and_its_schema_says_so(text: str) -> None:
    document = yaml.safe_load(text)
    jsonschema.Draft202012Validator(schema()).validate(document)
    assert Catalogue.parse(document, "models.yaml").models


def test_a_key_stands_in_the_table_of_its_kind_of_model() -> None:
    told = {name: keyed(section(MODELS, name)) for name in ("Every model", "Text models", "Image models")}
    every = told["Every model"]
    for name in MODEL_TYPES:
        keys = set(ENTRIES[name].__struct_fields__) - {"options"}
        assert every <= keys
        if name in ("lm", "multimodal"):
            assert keys - every <= told["Text models"]
        elif name.startswith("image-"):
            assert keys - every == told["Image models"] - set(VARIANTS)


def test_the_files_that_the_code_writes_are_the_code_s() -> None:
    assert [path.name for path, text in model_keys.files().items() if path.read_text() != text] == []


def keyed(text: str) -> set[str]:
    """What stands in the first column of a text's tables."""
    return set(re.findall(r"`([a-z_]+)`", "".join(re.findall(r"^\| (.*?) \|", text, re.MULTILINE))))


def test_the_repository_s_models_are_the_starter_models() -> None:
    assert [entry.model_type for entry in Catalogue.load(ROOT / "models.yaml")] == ["lm", "embeddings", "whisper"]


ALL = [*DOCUMENTS, *(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md"))]


@pytest.mark.parametrize("document", ALL, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_a_document_names_and_links_is_there(document: Path) -> None:
    text = re.sub(r"```.*?```", "", whole(document.read_text()), flags=re.DOTALL)
    told = re.findall(r"`((?:mlxq|schemas|tasks|web|workers|tests|bench|docs|examples)/[\w./]*)`", text)
    missing = [path for path in told if "x.py" not in path and not (ROOT / path).exists()]
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        if "://" in link:
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            missing.append(link)
    assert missing == []


def anchors(document: Path) -> set[str]:
    """The headings of a document, as links name them."""
    headings = re.findall(r"^#+ (.*)$", whole(document.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_in_the_site_s_navigation() -> None:
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    project = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]
    listed = list(leaves(project["nav"]))
    assert sorted(listed) == sorted(pages)


def leaves(nav: Any) -> Iterator[str]:
    """The pages of a navigation."""
    if isinstance(nav, str):
        yield nav
        return
    for one in nav.values() if isinstance(nav, dict) else nav:
        yield from leaves(one)


def test_the_readme_is_a_door() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 200


def test_the_lock_names_no_package_index() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "==" in lock and "://" not in lock and "--" not in lock
