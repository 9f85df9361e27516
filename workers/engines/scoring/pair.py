"""A query and a document as a model reads them, and what makes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from tasks.values.errors import ContextLengthExceeded, InvalidValue
from tasks.values.requests import ScoreRequest
from workers.serving.check_deadline import CheckDeadline
from workers.tokenisation import Encoder

TOGETHER = 1 << 20  # tokens of all pairs of a request

Query = TypeVar("Query")


@dataclass(frozen=True)
class Pair:
    """Token ids of a query and a document, special ones included; the second segment begins at `second`."""

    tokens: tuple[int, ...]
    second: int

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def types(self) -> tuple[int, ...]:
        """The type of each token's segment."""
        return (0,) * self.second + (1,) * (len(self.tokens) - self.second)


class Reader(Protocol):
    """How a kind of reranker reads a query and a document; `instructed` says whether it reads an instruction."""

    instructed: bool

    def pairs(self, request: ScoreRequest, deadline: CheckDeadline) -> Iterator[Pair]:
        """What the model reads of each document and its query; may be called from any thread.

        Raises ContextLengthExceeded and InvalidValue, which name the field, and JobCancelled.
        """
        ...


def room(request: ScoreRequest, context: int) -> int:
    """The most tokens that a pair may have."""
    return context if request.max_pair_tokens is None else min(context, request.max_pair_tokens)


def query_params(request: ScoreRequest) -> list[str]:
    """The fields that hold the queries, for errors."""
    several = len(request.queries) > 1
    return [f"{request.query_param}[{at}]" if several else request.query_param for at in range(len(request.queries))]


def of_documents(request: ScoreRequest, queries: Sequence[Query], length: Callable[[Query], int]) -> list[Query]:
    """What was made of each document's query; refuses so many documents that their queries alone are too much."""
    by_document = [queries[request.place(at)] for at in range(len(request.documents))]
    if sum(map(length, by_document)) > TOGETHER:
        raise too_much(request)
    return by_document


def bounded(pairs: Iterator[Pair], request: ScoreRequest) -> Iterator[Pair]:
    """The same pairs; refuses them once they are too much together."""
    total = 0
    for pair in pairs:
        total += len(pair)
        if total > TOGETHER:
            raise too_much(request)
        yield pair


def too_much(request: ScoreRequest) -> InvalidValue:
    """That all pairs of a request have more tokens than one may."""
    return InvalidValue(
        f"the documents with their queries have more than {TOGETHER} tokens together; send fewer",
        param=request.document_param,
    )


def too_long(param: str, length: int, most: int) -> ContextLengthExceeded:
    """That a text has more tokens than there is room for."""
    return ContextLengthExceeded(f"{param} is {length} tokens long; there is room for {max(most, 0)}", param=param)


def documents(
    encoder: Encoder, request: ScoreRequest, texts: Sequence[str], rooms: Sequence[int], deadline: CheckDeadline
) -> Iterator[list[int]]:
    """Token ids of the text of each document; what has no room is cut off or, if that is not wanted, refused."""
    params = [f"{request.document_param}[{at}]" for at in range(len(texts))]
    if request.truncate:
        fitted = zip(texts, rooms, strict=True)
        texts = [encoder.shortened(text, most, deadline, start=False) for text, most in fitted]
    else:
        for text, param in zip(texts, params, strict=True):
            encoder.check(text, param, deadline)
    encoded = encoder.several(texts, deadline, special=False)
    for tokens, param, most in zip(encoded, params, rooms, strict=True):
        if len(tokens) > most and not request.truncate:
            raise too_long(param, len(tokens), most)
        yield tokens[:most]
