"""Bodies of image endpoints are JSON or forms, whose words mean the same."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.images.generations import ImagesGenerationsSchema
from tests.schemas.bodies import refused

DRAW = {"model": "m", "prompt": "a cat"}


@pytest.mark.parametrize(("said", "meant"), [(True, True), ("true", True), (False, False), ("false", False)])
def test_a_stream_is_asked_for_in_json_and_in_a_form(said: Any, meant: bool) -> None:
    assert ImagesGenerationsSchema().load({**DRAW, "stream": said})["stream"] is meant


@pytest.mark.parametrize("said", [1, 0, 1.0, "True", "1", "", [], {}])
def test_what_only_looks_like_true_or_false_is_refused(said: Any) -> None:
    assert refused(ImagesGenerationsSchema, {**DRAW, "stream": said}) == ("invalid_value", "stream")
