"""A query and a document as the two segments of one text, as cross-encoders read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.values.requests import ScoreRequest
from workers.engines.scoring import pair
from workers.engines.scoring.pair import Pair
from workers.serving.check_deadline import CheckDeadline
from workers.tokenisation import Encoder


@dataclass(frozen=True)
class Frame:
    """The special tokens that a tokenizer puts around two texts, and whether the second is of another type."""

    before: tuple[int, ...]
    between: tuple[int, ...]
    after: tuple[int, ...]
    typed: bool

    @classmethod
    def of(cls, tokenizer: Any, types: int) -> Frame:
        """What the tokenizer does with a pair, for a model that tells `types` types of segments apart."""
        probe = tokenizer("a", "b")
        ids, places = probe["input_ids"], probe.sequence_ids(0)
        first, second = places.index(0), places.index(1)
        end, last = (len(places) - places[::-1].index(segment) for segment in (0, 1))
        typed = types > 1 and probe.get("token_type_ids", ids)[second] == 1
        return cls(tuple(ids[:first]), tuple(ids[end:second]), tuple(ids[last:]), typed)

    def __len__(self) -> int:
        return len(self.before) + len(self.between) + len(self.after)

    def around(self, query: Sequence[int], document: Sequence[int]) -> Pair:
        """Both as the model reads them."""
        begun = (*self.before, *query, *self.between)
        tokens = (*begun, *document, *self.after)
        return Pair(tokens, len(begun) if self.typed else len(tokens))


class Segments:
    """A `pair.Reader` of cross-encoders."""

    instructed = False

    def __init__(self, encoder: Encoder, frame: Frame) -> None:
        self._encoder, self._frame = encoder, frame

    def pairs(self, request: ScoreRequest, deadline: CheckDeadline) -> Iterator[Pair]:
        """Queries whole, documents cut where that is wanted; white space around either is left out."""
        room = pair.room(request, self._encoder.context) - len(self._frame)
        queries = list(self._queries(request, room, deadline))
        asked = pair.of_documents(request, queries, len)
        texts = [document.strip() for document in request.documents]
        rooms = [min(room - len(query), request.max_document_tokens or room) for query in asked]
        documents = pair.documents(self._encoder, request, texts, rooms, deadline)
        for query, document in zip(asked, documents, strict=True):
            yield self._frame.around(query, document)

    def _queries(self, request: ScoreRequest, room: int, deadline: CheckDeadline) -> Iterator[list[int]]:
        texts, params = [query.strip() for query in request.queries], pair.query_params(request)
        for text, param in zip(texts, params, strict=True):
            self._encoder.check(text, param, deadline)
        for tokens, param in zip(self._encoder.several(texts, deadline, special=False), params, strict=True):
            if len(tokens) >= room:
                raise pair.too_long(param, len(tokens), room - 1)
            yield tokens
