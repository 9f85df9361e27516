"""Parts of a message: what each holds, and which part is told of when one is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.text.chat import ChatSchema
from schemas.text.content import LOW, Media
from tests.schemas.bodies import refused

PICTURE = {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}


def said(*parts: Any, role: str = "user", **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": role, "content": list(parts), **more}]}


def content(*parts: Any) -> Any:
    return ChatSchema().load(said(*parts))["messages"][0]["content"]


def test_parts_that_are_all_text_are_one_text() -> None:
    assert content({"type": "text", "text": "one "}, {"type": "text", "text": "two"}) == "one two"


def test_other_parts_keep_their_place() -> None:
    text = {"type": "text", "text": "Look: "}
    assert content(text, PICTURE, text) == (
        "Look: ",
        Media("image", "https://a.example/b.png", "image_url.url"),
        "Look: ",
    )


@pytest.mark.parametrize(
    ("part", "media"),
    [
        ({"type": "video_url", "video_url": {"url": "data:x"}}, Media("video", "data:x", "video_url.url")),
        (
            {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}},
            Media("audio", "data:audio/wav;base64,UklG", "input_audio.data"),
        ),
        ({"type": "image_url", "image_url": "data:x"}, Media("image", "data:x", "image_url")),
        ({"type": "video_url", "video_url": "data:x"}, Media("video", "data:x", "video_url")),
        ({"type": "file", "file": {"file_id": "file-1"}}, Media("file", "file-1", "file.file_id")),
        (
            {"type": "file", "file": {"file_data": "data:x", "filename": "a.png"}},
            Media("file", "data:x", "file.file_data", title="a.png"),
        ),
        (
            {"type": "file", "file": {"file_data": "QUJD\n", "filename": "a.pdf"}},
            Media("file", "data:application/pdf;base64,QUJD\n", "file.file_data", title="a.pdf"),
        ),
        (
            {"type": "file", "file": {"file_data": "QUI="}},
            Media("file", "data:application/octet-stream;base64,QUI=", "file.file_data"),
        ),
    ],
)
def test_each_kind_of_part(part: dict[str, Any], media: Media) -> None:
    assert content(part) == (media,)


@pytest.mark.parametrize(
    ("asked", "pixels"),
    [
        ({}, None),
        ({"detail": "auto"}, None),
        ({"detail": "high"}, None),
        ({"detail": "original"}, None),
        ({"detail": "low"}, LOW),
        ({"max_pixels": 1000}, 1000),
        ({"detail": "high", "max_pixels": 1000}, 1000),
        ({"detail": "low", "max_pixels": 1000}, 1000),
        ({"detail": "low", "max_pixels": 10**7}, LOW),
    ],
)
def test_a_picture_is_shrunk_when_that_is_asked_for(asked: dict[str, Any], pixels: int | None) -> None:
    (media,) = content({"type": "image_url", "image_url": {"url": "data:x", **asked}})
    assert media.max_pixels == pixels


@pytest.mark.parametrize(
    ("part", "where"),
    [
        ("text", "[0]"),
        ({"text": "a"}, "[0]"),
        ({"type": "text"}, "[0].text"),
        ({"type": "text", "text": 5}, "[0].text"),
        ({"type": "poem", "poem": "a"}, "[0].type"),
        ({"type": "input_image", "image_url": "data:x"}, "[0].type"),
        ({"type": "image_url"}, "[0].image_url"),
        ({"type": "image_url", "image_url": ""}, "[0].image_url"),
        ({"type": "image_url", "image_url": []}, "[0].image_url"),
        ({"type": "refusal"}, "[0].refusal"),
        ({"type": "image_url", "image_url": {}}, "[0].image_url.url"),
        ({"type": "image_url", "image_url": {"url": ""}}, "[0].image_url.url"),
        ({"type": "image_url", "image_url": {"url": "data:x", "detail": "most"}}, "[0].image_url.detail"),
        ({"type": "image_url", "image_url": {"url": "data:x", "max_pixels": 0}}, "[0].image_url.max_pixels"),
        ({"type": "image_url", "image_url": {"url": "data:x", "max_pixels": "9"}}, "[0].image_url.max_pixels"),
        ({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}, "[0].input_audio.data"),
        ({"type": "input_audio", "input_audio": {"data": "a", "format": "ogg"}}, "[0].input_audio.format"),
        ({"type": "video_url", "video_url": {"url": 1}}, "[0].video_url.url"),
        ({"type": "file", "file": {}}, "[0].file.file_id"),
        ({"type": "file", "file": {"file_id": "a", "file_data": "b"}}, "[0].file.file_id"),
    ],
)
def test_what_is_wrong_is_told_of_its_part(part: Any, where: str) -> None:
    assert refused(ChatSchema, said(part)) == ("invalid_value", f"messages[0].content{where}")


def test_what_other_servers_take_beside_a_part_changes_nothing() -> None:
    marked = {"cache_control": {"type": "ephemeral"}}
    assert (
        content({"type": "text", "text": "one ", **marked}, {"type": "refusal", "refusal": "no", **marked}) == "one no"
    )
    assert content({**PICTURE, **marked}) == content(PICTURE)
    picture = {"type": "image_url", "image_url": {"url": "data:x", "min_pixels": 3136}}
    assert content(picture) == (Media("image", "data:x", "image_url.url"),)


def test_a_misspelled_field_of_a_part_is_refused() -> None:
    part = {"type": "image_url", "image_url": {"url": "data:x", "detial": "low"}}
    assert refused(ChatSchema, said(part)) == ("unknown_parameter", "messages[0].content[0].image_url.detial")


@pytest.mark.parametrize(("role", "more"), [("system", {}), ("assistant", {}), ("tool", {"tool_call_id": "a"})])
def test_only_a_user_shows_something(role: str, more: dict[str, Any]) -> None:
    assert refused(ChatSchema, said(PICTURE, role=role, **more)) == ("invalid_value", "messages[0].content")
