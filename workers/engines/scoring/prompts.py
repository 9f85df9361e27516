"""A query and a document as a prompt that a language model answers with yes or no."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tasks.values.requests import ScoreRequest
from workers.engines.scoring import pair
from workers.engines.scoring.pair import Pair
from workers.engines.scoring.template import Template
from workers.serving.check_deadline import CheckDeadline
from workers.tokenisation import Encoder


class Prompt(NamedTuple):
    """What stands before a query's documents, how many tokens that has, and the token ids of what stands behind."""

    before: str
    length: int
    after: tuple[int, ...]


class Prompts:
    """A `pair.Reader` of generative rerankers."""

    instructed = True

    def __init__(self, encoder: Encoder, template: Template) -> None:
        self._encoder, self._template = encoder, template

    def pairs(self, request: ScoreRequest, deadline: CheckDeadline) -> Iterator[Pair]:
        """Prompts; where documents are cut, what stands behind them in the prompt is not."""
        room = pair.room(request, self._encoder.context)
        asking = zip(request.queries, pair.query_params(request), strict=True)
        prompts = [self._prompt(query, request.instruction, param, room, deadline) for query, param in asking]
        asked = pair.of_documents(request, prompts, lambda prompt: prompt.length)
        texts = [prompt.before + document for prompt, document in zip(asked, request.documents, strict=True)]
        rooms = [
            min(room - len(prompt.after), prompt.length + (request.max_document_tokens or room)) for prompt in asked
        ]
        documents = pair.documents(self._encoder, request, texts, rooms, deadline)
        for prompt, begun in zip(asked, documents, strict=True):
            tokens = (*begun, *prompt.after)
            yield Pair(tokens, len(tokens))

    def _prompt(self, query: str, instruction: str | None, param: str, room: int, deadline: CheckDeadline) -> Prompt:
        deadline.look()
        self._encoder.check(query, param, deadline)
        before, after = self._template.around(query, instruction)
        behind = tuple(self._encoder.ids(after, special=False))
        length = len(self._encoder.fitting(before, param, deadline, special=False))
        if length + len(behind) >= room:
            raise pair.too_long(param, length + len(behind), room - 1)
        return Prompt(before, length, behind)
