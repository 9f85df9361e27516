"""What a conversation's files become: text in its place, or pages."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from tasks.stored.blobs import BlobStore
from tasks.values.errors import ContextLengthExceeded, InvalidValue
from tasks.values.messages import Media, Message
from tasks.values.requests import ChatRequest
from tests.workers.media.documents import written
from workers.media.documents import unfolding
from workers.media.documents.unfolding import Documents, Page
from workers.serving.request_budget import Budget

WHERE = "messages[0].content[1]"
TEXTS = {
    "plain": b"one\ntwo",
    "UTF-8 with its mark": b"\xef\xbb\xbfone\ntwo",
    "UTF-16, little end first": "\ufeffone\ntwo".encode("utf-16-le"),
    "UTF-16, big end first": "\ufeffone\ntwo".encode("utf-16-be"),
}
NO_TEXTS = {
    "Latin-1": "Stra\xdfe".encode("latin-1"),
    "an archive": b"PK\x03\x04\0\0\0\0",
    "NUL": b"one\0two",
    "half a character": b"one\xc3",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(20),
}


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


def file(
    blobs: BlobStore, content: bytes, at: int = 0, title: str = "", type: str = "application/octet-stream"
) -> Media:
    return Media("file", blobs.put(content, type), at, WHERE, title=title)


def unfolded(blobs: BlobStore, text: str, *media: Media, pages: int = 0) -> Message:
    """What a turn becomes for a model that is shown so many pages."""
    request = ChatRequest((Message("system", "Be kind."), Message("user", text, media=media)))
    documents = Documents(blobs, Budget(1 << 30))
    with documents.unfolded(request, pages=pages, check=lambda *_: None) as found:
        assert found.messages[0] == request.messages[0]
        return found.messages[1]


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("pages", [0, 9])
def test_a_text_stands_in_its_file_s_place(name: str, pages: int, blobs: BlobStore) -> None:
    assert unfolded(blobs, "", file(blobs, TEXTS[name]), pages=pages) == Message("user", "one\ntwo")


@pytest.mark.parametrize("content", NO_TEXTS.values(), ids=NO_TEXTS)
def test_a_file_that_is_neither_is_refused_or_looked_at_as_a_picture(content: bytes, blobs: BlobStore) -> None:
    with pytest.raises(InvalidValue, match="neither a PDF nor text") as refused:
        unfolded(blobs, "", file(blobs, content))
    assert refused.value.failure.param == WHERE
    [shown] = unfolded(blobs, "", file(blobs, content), pages=9).media
    assert shown.kind == "image"


@pytest.mark.parametrize("content", [b"", b" \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(content: bytes, blobs: BlobStore) -> None:
    with pytest.raises(InvalidValue, match="the file is empty") as refused:
        unfolded(blobs, "", file(blobs, content))
    assert refused.value.failure.param == WHERE


@pytest.mark.parametrize(
    ("text", "places", "expected"),
    [
        ("", [0], "FILE"),
        ("before", [6], "before\n\nFILE"),
        ("behind", [0], "FILE\n\nbehind"),
        ("beforebehind", [6], "before\n\nFILE\n\nbehind"),
        ("ab", [1, 1], "a\n\nFILE\n\nFILE\n\nb"),
        ("ab", [0, 1, 2], "FILE\n\na\n\nFILE\n\nb\n\nFILE"),
    ],
)
def test_a_file_s_text_is_a_paragraph(text: str, places: list[int], expected: str, blobs: BlobStore) -> None:
    files = [file(blobs, b"FILE", place) for place in places]
    assert unfolded(blobs, text, *files) == Message("user", expected)


def test_what_is_said_of_a_file_stands_before_it(blobs: BlobStore) -> None:
    content = written.says("One")
    named = [file(blobs, b"FILE", 2, "a.txt"), file(blobs, content, 2, "b.pdf")]
    assert unfolded(blobs, "So", *named).content == "So\n\na.txt\n\nFILE\n\nb.pdf\n\nOne"
    assert unfolded(blobs, "So", *named, pages=1).content == "So\n\na.txt\n\nFILE\n\nb.pdf"


def test_pictures_keep_their_places_among_files(blobs: BlobStore) -> None:
    picture = Media("image", blobs.put(b"pixels", "image/png"), 1, "messages[0].content[3]")
    found = unfolded(blobs, "ab", file(blobs, b"FILE", 0), picture, file(blobs, b"FILE", 2), pages=9)
    assert found.content == "FILE\n\na" + "b\n\nFILE"
    [kept] = found.media
    assert found.content[: kept.at] == "FILE\n\na"
    assert (kept.kind, kept.blob, kept.param) == ("image", picture.blob, picture.param)


def test_a_pdf_is_its_text_or_its_pages(blobs: BlobStore) -> None:
    sent = file(blobs, written.says("One", "Two"), 2)
    assert unfolded(blobs, "So?", sent) == Message("user", "So\n\nOne\n\nTwo\n\n?")
    seen = unfolded(blobs, "So?", sent, pages=2)
    assert seen.content == "So?"
    assert seen.media == tuple(Page("image", sent.blob, 2, WHERE, number=number) for number in range(2))


@pytest.mark.parametrize("name", written.BROKEN)
def test_a_broken_pdf_is_refused_by_every_model(name: str, blobs: BlobStore) -> None:
    for pages in (0, 9) if name == "encrypted" else (0,):  # a page is only looked at when it is drawn
        with pytest.raises(InvalidValue) as refused:
            unfolded(blobs, "", file(blobs, written.BROKEN[name]), pages=pages)
        assert refused.value.failure.param == WHERE


def test_a_pdf_without_text_is_told_from_a_broken_one(blobs: BlobStore) -> None:
    scanned = file(blobs, written.pdf(*written.page(written.BLACK)))
    with pytest.raises(InvalidValue, match="scanned"):
        unfolded(blobs, "", scanned)
    assert len(unfolded(blobs, "", scanned, pages=1).media) == 1


def test_a_file_has_its_limits(blobs: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfolding, "FILE_BYTES", 500)
    for content in (b"a" * 501, written.says("One")):
        with pytest.raises(InvalidValue, match="larger than 500 bytes"):
            unfolded(blobs, "", file(blobs, content), pages=9)
    monkeypatch.setattr(unfolding, "FILE_BYTES", 5000)
    monkeypatch.setattr(unfolding, "TEXT_PAGES", 2)
    for pages in (0, 2):
        with pytest.raises(InvalidValue, match="3 pages; at most 2"):
            unfolded(blobs, "", file(blobs, written.says("One", "Two", "Three")), pages=pages)


def test_a_text_that_is_too_long_is_told_of_its_file(blobs: BlobStore) -> None:
    def check(text: str, param: str) -> None:
        if len(text) > 3:
            raise ContextLengthExceeded("too long", param=param)

    documents = Documents(blobs, Budget(1 << 30))
    for content in (b"four", written.says("Four")):
        request = ChatRequest((Message("user", "", media=(file(blobs, content),)),))
        with pytest.raises(ContextLengthExceeded) as refused, documents.unfolded(request, pages=0, check=check):
            pass
        assert refused.value.failure.param == WHERE


def test_what_is_read_is_held_in_the_budget_until_the_request_is_checked(blobs: BlobStore) -> None:
    budget = Budget(1 << 30)
    before = budget.free
    request = ChatRequest((Message("user", "", media=(file(blobs, b"a" * 1000),)),))
    with Documents(blobs, budget).unfolded(request, pages=0, check=lambda *_: None):
        assert budget.free == before - 4000
    assert budget.free == before


def test_a_request_without_files_is_passed_on_as_it_is(blobs: BlobStore) -> None:
    content = io.BytesIO()
    Image.new("RGB", (2, 2)).save(content, "PNG")
    picture = Media("image", blobs.put(content.getvalue(), "image/png"), 0, WHERE)
    request = ChatRequest((Message("user", "So?", media=(picture,)),))
    with Documents(blobs, Budget(0)).unfolded(request, pages=0, check=lambda *_: None) as found:
        assert found is request
