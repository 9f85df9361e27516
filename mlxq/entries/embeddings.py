"""What the models' file may say of a model that makes vectors."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Struct

from mlxq.entries.model_entry import GIB, REMOTE_CODE, ModelEntry, about
from mlxq.ranges import Natural, Positive

Pooling: TypeAlias = Literal["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]


class EmbeddingsOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How vectors are made where a model's files do not say it."""

    pooling: Annotated[
        Pooling | None, about("how the vectors of tokens become one, by default as the model's files say")
    ] = None


class EmbeddingsEntry(ModelEntry, frozen=True, kw_only=True, tag="embeddings"):
    """A model that makes vectors of texts."""

    context_length: Annotated[
        Positive | None, about("longest input, in tokens, the model's own by default; a longer one is refused")
    ] = None
    batch_completion_size: Annotated[
        Positive, about("calls computed together; how many inputs are, their lengths decide")
    ] = 64
    vector_cache_max_bytes: Annotated[
        Natural,
        about("bytes of vectors that are kept in `MLXQ_HOME/vectors`, so that a text is embedded once; 0 keeps none"),
    ] = GIB
    trust_remote_code: Annotated[bool, REMOTE_CODE] = False
    options: EmbeddingsOptions = EmbeddingsOptions()
