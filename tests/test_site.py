"""The documents' site needs no host but its own: diagrams are SVG, drawn from the text beside them."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.servers import ROOT

DIAGRAMS = sorted((ROOT / "docs/diagrams").glob("*.mmd"))
PAGES = sorted((ROOT / "docs").rglob("*.md"))
SHOWN = [*(ROOT / "docs").rglob("*.svg"), *(ROOT / "docs").rglob("*.png")]


@pytest.mark.parametrize("diagram", DIAGRAMS, ids=lambda path: path.stem)
def test_a_diagram_is_drawn_from_the_text_that_is_there(diagram: Path) -> None:
    digest = sha256(diagram.read_bytes()).hexdigest()
    assert digest in diagram.with_suffix(".svg").read_text(), "`make diagrams` draws it"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT / "docs").as_posix())
def test_a_page_has_a_browser_fetch_nothing_from_elsewhere(page: Path) -> None:
    text = page.read_text()
    assert "```mermaid" not in text, "which the site would load a script for"
    assert re.findall(r"!\[[^\]]*\]\(https?://|<(?:img|script|link|iframe)[^>]+https?://", text) == []


def test_what_pages_show_is_small_and_fetches_nothing() -> None:
    for path in SHOWN:
        content = path.read_bytes()
        assert len(content) < 60_000
        assert re.search(rb"(?:import|url\(|href=).{0,3}https?:", content) is None, path


def test_every_picture_is_on_a_page() -> None:
    text = "".join(page.read_text() for page in PAGES)
    assert [path.name for path in SHOWN if f"/{path.name})" not in text] == []
