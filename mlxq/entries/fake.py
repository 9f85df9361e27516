"""What the models' file may say of the fake engine."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from mlxq.entries.model_entry import ModelEntry, about
from mlxq.ranges import Natural, Positive, Text


class FakeOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the fake engine behaves."""

    step_ms: Annotated[float, Meta(ge=0, description="milliseconds of a step")] = 20.0
    load_error: Annotated[Text | None, about("what it says instead of starting")] = None
    journal: Annotated[Text | None, about("a file for which job began in which process")] = None
    bytes: Annotated[Natural, about("memory that it says it takes")] = 0
    load_ms: Annotated[float, Meta(ge=0, description="milliseconds that loading takes")] = 0.0
    row_bytes: Annotated[Natural, about("memory that a row says it takes whose first word is `swell`")] = 0


class FakeEntry(ModelEntry, frozen=True, kw_only=True, tag="fake"):
    """No model, for measuring and breaking the queue."""

    context_length: Annotated[Positive | None, about("what `GET /v1/models` says of it")] = None
    batch_completion_size: Annotated[Positive, about("rows of a step")] = 32
    options: FakeOptions = FakeOptions()
