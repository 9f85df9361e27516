"""What the models' file may say of a model that scores."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from mlxq.entries.model_entry import REMOTE_CODE, ModelEntry, about
from mlxq.ranges import Positive, Text


class RerankOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By what a language model that scores says whether a document is relevant."""

    labels: Annotated[tuple[Text, Text], about("its tokens for no and for yes")] = ("no", "yes")


class RerankEntry(ModelEntry, frozen=True, kw_only=True, tag="rerank"):
    """A model that scores how well documents answer a query."""

    context_length: Annotated[
        Positive | None,
        about("longest query and document together, in tokens, by default the model's, or 8192 of a language model"),
    ] = None
    batch_completion_size: Annotated[
        Positive, about("calls computed together; how many pairs are, their lengths decide")
    ] = 64
    chat_template_file: Annotated[Text | None, about("a Jinja template for a query and a document")] = None
    trust_remote_code: Annotated[bool, REMOTE_CODE] = False
    options: RerankOptions = RerankOptions()
