"""What values may be, declared once for the models' file, the environment, the command line and requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias, get_args

from msgspec import Meta

TOKENS = 2**31 - 1  # the largest number of tokens
SEED = 2**63

Text: TypeAlias = Annotated[str, Meta(min_length=1)]
Positive: TypeAlias = Annotated[int, Meta(ge=1)]
Natural: TypeAlias = Annotated[int, Meta(ge=0)]
Seconds: TypeAlias = Annotated[float, Meta(gt=0)]
Port: TypeAlias = Annotated[int, Meta(ge=1, le=65_535)]
LogLevel: TypeAlias = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
LEVELS: tuple[str, ...] = get_args(LogLevel)

MaxTokens: TypeAlias = Annotated[int, Meta(ge=1, le=TOKENS)]
Temperature: TypeAlias = Annotated[float, Meta(ge=0, le=2)]
TopP: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
TopK: TypeAlias = Annotated[int, Meta(ge=0, le=TOKENS)]
Probability: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
XtcThreshold: TypeAlias = Annotated[float, Meta(ge=0, le=0.5)]
RepetitionPenalty: TypeAlias = Annotated[float, Meta(ge=0.01, le=100)]
ContextSize: TypeAlias = Annotated[int, Meta(ge=0, le=TOKENS)]
Penalty: TypeAlias = Annotated[float, Meta(ge=-2, le=2)]
Seed: TypeAlias = Annotated[int, Meta(ge=-SEED, le=SEED - 1)]
SpeechTemperature: TypeAlias = Annotated[float, Meta(ge=0, le=1)]

# The settings of a request that an installation or a model may have a default for.
SAMPLING: Mapping[str, Any] = {
    "max_tokens": MaxTokens,
    "temperature": Temperature,
    "top_p": TopP,
    "top_k": TopK,
    "min_p": Probability,
    "xtc_probability": Probability,
    "xtc_threshold": XtcThreshold,
    "repetition_penalty": RepetitionPenalty,
    "repetition_context_size": ContextSize,
    "presence_penalty": Penalty,
    "frequency_penalty": Penalty,
    "seed": Seed,
}
