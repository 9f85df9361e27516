"""What the models' file may say of every model, and what the keys of its kinds are made of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from mlxq import ranges
from mlxq.checks import FLAG, WORDS
from mlxq.ranges import Positive, Text

GIB = 1 << 30
_NAME = r"^(\./)?[/~]*[A-Za-z0-9][A-Za-z0-9._/@-]*$(?!\n)"
_NAMES = "letters, digits and . _ / @ -"

# Keys of mlx-openai-server's earlier versions, by what they are called now.
RENAMED = {"model_id": "served_model_name", "max_concurrency": "batch_completion_size"}


def about(meaning: str, flag: str | None = None) -> Meta:
    """What a key means, for who chooses its value; `flag` is a second name that `mlxq launch` takes for it."""
    return Meta(description=meaning, extra={FLAG: flag} if flag else None)


REMOTE_CODE = about("run the Python code that comes with the model or its tokenizer")
Name: TypeAlias = Annotated[str, Meta(pattern=_NAME, extra={WORDS: _NAMES})]


class ModelEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="model_type"):
    """One served model, and the keys that every model has."""

    model_path: Annotated[Text, about("a Hugging Face repo id, a local folder, or `starter:NAME`")]
    served_model_name: Annotated[Name | None, about("the name that calls use, by default the path")] = None
    aliases: Annotated[tuple[Name, ...], about("further names that calls may give, as `gpt-4o` or `whisper-1`")] = ()
    queue_size: Annotated[Positive, about("clients that may wait; a hundred times as many jobs polled later")] = 100
    queue_timeout: Annotated[
        Positive | None, about("seconds that a waiting client has until it gets a 504, by default `MLXQ_TIMEOUT`")
    ] = None
    debug: Annotated[
        bool,
        about("log all that the model's process does and, of a model that writes text, every prompt and answer whole"),
    ] = False
    on_demand: Annotated[
        bool, about("load it when its first job comes, and let it go when nobody has used it for a while")
    ] = False
    on_demand_idle_timeout: Annotated[
        Positive, about("seconds without a job after which a model that is loaded on demand goes")
    ] = 60
    memory_limit: Annotated[
        Positive | None,
        about(
            "bytes that its process may take: beyond them it takes nothing more and drops its caches, a tenth later it "
            "starts anew. By default what the device recommends, or four fifths of the memory"
        ),
    ] = None
    pinned: Annotated[
        bool, about("keep it once it is loaded on demand: it neither goes when idle nor makes room for others")
    ] = False

    @property
    def name(self) -> str:
        """The name that calls use."""
        return self.served_model_name or self.model_path

    @property
    def model_type(self) -> str:
        """What kind of model it is, and so which engine serves it."""
        return str(self.__struct_config__.tag)

    @property
    def defaults(self) -> Mapping[str, float]:
        """Values of sampling settings for requests that say nothing, by their names in a request."""
        values = {name: getattr(self, f"default_{name}", None) for name in ranges.SAMPLING}
        return {name: value for name, value in values.items() if value is not None}

    def faults(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """What is wrong although each key's value is right by itself: the keys that it is about, and a sentence."""
        if not re.search(_NAME, self.name):
            yield (
                ("model_path", "served_model_name"),
                f"'served_model_name' is needed, as the path {self.model_path!r} is more than {_NAMES}",
            )
