"""The answers of rerankings and scorings."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, UnsetType

from schemas.answers.base import Answer


class RerankResult(Answer, frozen=True):
    """A document by its place in the request, and how well it answers; `document` is an object with its `text`."""

    index: int
    relevance_score: float
    document: dict[str, Any] | UnsetType = UNSET


class ScoreUsage(Answer, frozen=True):
    """Tokens of all pairs."""

    prompt_tokens: int
    total_tokens: int


class RerankApiVersion(Answer, frozen=True):
    """Whose answer this is: the path's version."""

    version: Literal["1", "2"]


class RerankBilledUnits(Answer, frozen=True):
    """Hundreds of documents, begun ones counted, as Cohere counts; nobody is billed."""

    search_units: int


class RerankTokens(Answer, frozen=True):
    """Tokens of all pairs."""

    input_tokens: int


class RerankMeta(Answer, frozen=True):
    """What Cohere tells of a call."""

    api_version: RerankApiVersion
    billed_units: RerankBilledUnits
    tokens: RerankTokens


class RerankResponse(Answer, frozen=True):
    """The best documents, the best first."""

    id: str
    object: Literal["list"]
    model: str
    results: list[RerankResult]
    usage: ScoreUsage
    meta: RerankMeta


class Score(Answer, frozen=True):
    """How well the second text at this place answers its first."""

    object: Literal["score"]
    index: int
    score: float


class ScoreResponse(Answer, frozen=True):
    """The scores of all pairs in their order."""

    id: str
    object: Literal["list"]
    created: int
    model: str
    data: list[Score]
    usage: ScoreUsage
