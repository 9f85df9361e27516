"""The least that bodies hold, and how they are refused."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import ValidationError

from schemas.fields import Body, problem

CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
TEXT = {"model": "m", "prompt": "once"}


def refused(schema: type[Body], body: dict[str, Any]) -> tuple[str, str | None]:
    with pytest.raises(ValidationError) as caught:
        schema().load(body)
    found = problem(caught.value)
    return found.code, found.param
