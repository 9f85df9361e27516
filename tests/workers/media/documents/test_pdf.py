"""PDFs that somebody sent, read by a process that may break."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tasks.values.errors import InvalidValue, JobCancelled
from tests.workers.media.documents import written
from workers.media.documents import pdf, pdf_reader
from workers.serving.check_deadline import CheckDeadline


def refused(content: bytes, *, most: int = 50) -> str:
    """Why a PDF is neither read nor drawn."""
    with pytest.raises(InvalidValue) as text:
        pdf.text(io.BytesIO(content), "p", most, 1000)
    with pytest.raises(InvalidValue) as drawn:
        list(pdf.drawn(io.BytesIO(content), "p", most, 64, 4096))
    assert text.value.failure.param == drawn.value.failure.param == "p"
    return drawn.value.failure.message


def test_the_text_of_a_pdf_is_its_pages_in_their_order() -> None:
    content = io.BytesIO(written.says("One", "", "Two"))
    assert pdf.text(content, "p", 3, 1000) == "One\n\nTwo"


def test_of_a_long_text_no_page_more_is_read_than_makes_it_too_long() -> None:
    content = io.BytesIO(written.says(*["0123456789"] * 9))
    assert pdf.text(content, "p", 9, 15) == "0123456789\n\n0123456789"


@pytest.mark.parametrize(
    ("size", "side", "pixels", "expected"),
    [
        (written.LETTER, 200, 1 << 20, (154, 199)),
        ((792, 612), 200, 1 << 20, (199, 154)),
        (written.LETTER, 1568, 10_000, (88, 114)),
        ((36, 72), 1568, 1 << 22, (150, 300)),  # no finer than 300 dots an inch
        ((72, 7), 10, 1 << 20, (9, 1)),
    ],
)
def test_a_page_is_as_large_as_its_limits_let_it_be(
    size: tuple[float, float], side: int, pixels: int, expected: tuple[int, int]
) -> None:
    content = io.BytesIO(written.pdf(*written.page(b"", size)))
    [(found, rows)] = pdf.drawn(content, "p", 1, side, pixels)
    assert found == expected
    assert rows == b"\xff" * (3 * found[0] * found[1])
    assert max(found) <= side
    assert found[0] * found[1] <= pixels * 1.02


def test_pages_are_drawn_in_their_order_and_colours() -> None:
    colours = (b"1 0 0 rg", b"0 1 0 rg", b"0 0 1 rg")
    content = written.pdf(*written.pages([colour + b" 0 0 700 800 re f" for colour in colours]))
    found = [rows[:3] for _, rows in pdf.drawn(io.BytesIO(content), "p", 3, 40, 4096)]
    assert found == [b"\xff\0\0", b"\0\xff\0", b"\0\0\xff"]


@pytest.mark.parametrize("name", written.BROKEN)
def test_what_is_broken_is_refused(name: str) -> None:
    message = refused(written.BROKEN[name])
    assert message.startswith(("the PDF", "the file begins like a PDF", "a page of the PDF", "page 1 of the PDF"))
    assert "Traceback" not in message


@pytest.mark.parametrize("name", written.HOSTILE)
def test_what_is_hostile_is_read_or_refused(name: str) -> None:
    try:
        pages = list(pdf.drawn(io.BytesIO(written.HOSTILE[name]), "p", 9, 64, 4096))
    except InvalidValue as error:
        assert error.failure.param == "p"
    else:
        assert all(len(rows) == 3 * width * height for (width, height), rows in pages)


def test_an_encrypted_pdf_is_told_from_a_broken_one() -> None:
    assert "needs a password" in refused(written.encrypted())
    assert "broken" in refused(written.BROKEN["a head and noise"])


def test_more_pages_than_are_taken_are_refused_with_their_number() -> None:
    assert refused(written.says("One", "Two", "Three"), most=2) == "the PDF has 3 pages; at most 2 are taken"
    with pytest.raises(InvalidValue, match="has 3 pages"):
        pdf.count(io.BytesIO(written.says("One", "Two", "Three")), "p", 2)
    assert pdf.count(io.BytesIO(written.says("One", "Two")), "p", 2) == 2


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("import os; os.abort()", "breaks what reads it"),
        ("raise MemoryError", "breaks what reads it"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGXCPU)", f"more than {pdf_reader.SECONDS} seconds"),
    ],
)
def test_a_reader_that_breaks_is_an_answer(
    program: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "reader.py").write_text(program)
    monkeypatch.setattr(pdf, "_PROGRAM", tmp_path / "reader.py")
    assert expected in refused(written.GOOD)


def test_nobody_waits_for_a_reader_of_what_nobody_wants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "reader.py").write_text("import sys, time; sys.stdin.buffer.read(); time.sleep(600)")
    monkeypatch.setattr(pdf, "_PROGRAM", tmp_path / "reader.py")
    with pytest.raises(JobCancelled):
        pdf.count(io.BytesIO(written.GOOD), "p", 9, CheckDeadline(lambda: False))


def test_few_readers_run_at_a_time_and_others_wait_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "_AT_ONCE", threading.Semaphore(1))
    drawing = pdf.drawn(io.BytesIO(written.says("One", "Two")), "p", 2, 64, 4096)
    next(drawing)
    with pytest.raises(JobCancelled):
        pdf.count(io.BytesIO(written.GOOD), "p", 9, CheckDeadline(lambda: False))
    drawing.close()  # type: ignore[attr-defined]
    assert pdf.count(io.BytesIO(written.GOOD), "p", 9) == 1


def test_a_reader_is_held_to_its_limits() -> None:
    """What the program does to itself before it looks at a file, told by a process that has done the same."""
    told = (
        "import resource, pdf_reader; pdf_reader.bound();"
        "print(*[resource.getrlimit(limit)[0] for limit in (resource.RLIMIT_CPU, resource.RLIMIT_FSIZE)])"
    )
    folder = Path(pdf_reader.__file__).parent
    found = subprocess.run([sys.executable, "-c", told], cwd=folder, capture_output=True, text=True, check=True)
    assert found.stdout.split() == [str(pdf_reader.SECONDS), "0"]
