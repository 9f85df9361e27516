"""OpenAI's JSON refers to a picture by an object; what is wrong with one is told by the path of its field."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.values.errors import InvalidValue
from web.http.body import references

URL = "data:image/png;base64,AAAA"


@pytest.mark.parametrize(
    ("value", "target", "param"),
    [
        ({"image_url": URL}, URL, "images[1].image_url"),
        ({"image_url": "https://example.org/a.png"}, "https://example.org/a.png", "images[1].image_url"),
        ({"image_url": None, "file_id": "file-1"}, "file-1", "images[1].file_id"),
        ({"file_id": "blob_1"}, "blob_1", "images[1].file_id"),
    ],
)
def test_a_reference_holds_an_address_or_an_id(value: dict[str, Any], target: str, param: str) -> None:
    assert references.read(value, "images[1]") == (target, param)
    assert references.target(value) == target


@pytest.mark.parametrize(
    ("value", "param", "message"),
    [
        ({}, "mask", "one of 'image_url' and 'file_id'"),
        ({"image_url": None}, "mask", "one of 'image_url' and 'file_id'"),
        ({"image_url": URL, "file_id": "file-1"}, "mask", "one of 'image_url' and 'file_id'"),
        ({"image_url": URL, "detail": "high"}, "mask", "'detail' is unknown here"),
        ({"url": URL}, "mask", "'url' is unknown here"),
        ({"image_url": {"url": URL}}, "mask.image_url", "must be a string"),
        ({"image_url": "file-1"}, "mask.image_url", "an id belongs in 'file_id'"),
        ({"file_id": URL}, "mask.file_id", "must be the id of a file or a blob"),
        ({"file_id": 7}, "mask.file_id", "must be a string"),
    ],
)
def test_what_refers_to_nothing_is_refused_by_its_field(value: dict[str, Any], param: str, message: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        references.read(value, "mask")
    assert caught.value.failure.param == param and message in caught.value.failure.message


@pytest.mark.parametrize("value", [URL, "file-1", None, 7, ["file-1"]])
def test_what_is_no_object_means_itself(value: object) -> None:
    assert references.target(value) is value
