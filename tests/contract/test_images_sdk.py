"""Pictures through the real OpenAI SDK, and every answer and event of exactly its types."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types import ImageEditStreamEvent, ImageGenStreamEvent, ImagesResponse
from PIL import Image
from pydantic import BaseModel, TypeAdapter

from tests.contract.test_openai_types import undeclared
from tests.support.servers import PATIENCE, Stack
from tests.workers.engines.images.drawing import mask, photo

SIZE: Any = "64x64"  # a size of the tiny models, which the SDK's own list does not hold
EXTRA = {"Image.seed", "Image.steps"}  # what makes a picture again


@pytest.fixture
def client(image_stack: Stack) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{image_stack.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def size(data: str | None) -> tuple[int, int]:
    assert data is not None
    return Image.open(io.BytesIO(base64.b64decode(data))).size


def declared(found: BaseModel) -> None:
    assert set(undeclared(found)) <= EXTRA


def test_pictures_are_generated(client: OpenAI) -> None:
    found = client.images.generate(
        model="flux2",
        prompt="a cat",
        n=2,
        size=SIZE,
        quality="low",
        extra_body={"seed": 3},
        user="me",
        moderation="low",
    )
    declared(found)
    assert found.data is not None and [size(image.b64_json) for image in found.data] == [(64, 64)] * 2
    assert [image.model_extra for image in found.data] == [{"seed": 3, "steps": 2}, {"seed": 4, "steps": 2}]
    assert found.usage is not None and found.usage.total_tokens == 5 + 32 and found.quality == "low"


def test_a_picture_may_come_as_a_link(client: OpenAI) -> None:
    found = client.images.generate(
        model="flux2", prompt="a cat", size=SIZE, response_format="url", output_format="jpeg", output_compression=80
    )
    assert found.data is not None and found.data[0].url is not None and found.output_format == "jpeg"
    assert Image.open(io.BytesIO(httpx.get(found.data[0].url).content)).format == "JPEG"


def test_pictures_are_edited_with_and_without_a_mask(client: OpenAI) -> None:
    several = client.images.edit(
        model="flux2-edit", prompt="a dog", image=[photo(), photo(colour="blue")], size=SIZE, input_fidelity="high"
    )
    masked = client.images.edit(
        model="qwen-edit", prompt="a dog", image=photo(), mask=mask(), size=SIZE, extra_body={"steps": 2}
    )
    for found in (several, masked):
        declared(found)
        assert found.data is not None and size(found.data[0].b64_json) == (64, 64)


def test_a_picture_is_varied(client: OpenAI) -> None:
    found = client.images.create_variation(model="flux2", image=photo(), n=1, size=SIZE)
    declared(found)
    assert found.data is not None and size(found.data[0].b64_json) == (64, 64)


def test_a_generation_streams_its_previews(client: OpenAI) -> None:
    events = list(client.images.generate(model="flux2", prompt="a cat", size=SIZE, stream=True, partial_images=3))
    assert [event.type for event in events] == ["image_generation.partial_image"] * 3 + ["image_generation.completed"]
    for event in events:
        TypeAdapter(ImageGenStreamEvent).validate_python(event.model_dump(), strict=True)
        declared(event)
        assert size(event.b64_json) == (64, 64)


def test_an_edit_streams_its_previews(client: OpenAI) -> None:
    events = list(
        client.images.edit(model="flux2-edit", prompt="a dog", image=photo(), size=SIZE, stream=True, partial_images=1)
    )
    assert [event.type for event in events] == ["image_edit.partial_image", "image_edit.completed"]
    for event in events:
        TypeAdapter(ImageEditStreamEvent).validate_python(event.model_dump(), strict=True)
        declared(event)


def test_a_refusal_is_the_sdk_s_error_also_in_a_stream(client: OpenAI) -> None:
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError) as caught:
            client.images.generate(model="flux2", prompt="a cat", size="1000x1000", stream=stream)  # type: ignore[call-overload]
        assert caught.value.param == "size"


def test_an_answer_is_strictly_of_its_type(image_stack: Stack) -> None:
    sent = {"model": "flux2", "prompt": "a cat", "size": "64x64", "steps": 1}
    response = httpx.post(f"{image_stack.url}/v1/images/generations", json=sent, timeout=PATIENCE)
    declared(ImagesResponse.model_validate_json(response.content, strict=True))
