"""Requests that the tokenizer answers by itself: a text's tokens, tokens' text, and a chat as its template shows it."""

from __future__ import annotations

from collections.abc import Iterable

from tasks.values import events
from tasks.values.requests import DetokenizeRequest, RenderRequest, TokenizeRequest
from workers.engine import Prepared
from workers.engines.text.plan import Plan
from workers.engines.text.prompts import Prompts
from workers.engines.text.requester import Requester


def answered(
    request: TokenizeRequest | DetokenizeRequest | RenderRequest, prompts: Prompts, requester: Requester
) -> Prepared[Plan]:
    """A plan that generates nothing and holds the answer; raises what the tokenizer and the template refuse."""
    if isinstance(request, TokenizeRequest):
        return _prepared(request.text, prompts.tokens(request, requester))
    if isinstance(request, DetokenizeRequest):
        return _prepared(prompts.text(request), request.tokens)
    prompt = prompts.render(request, requester)
    return _prepared(prompt.text, prompt.tokens)


def _prepared(text: str, tokens: Iterable[int]) -> Prepared[Plan]:
    ids = tuple(tokens)
    done = events.Done(events.Usage(prompt_tokens=len(ids)))
    return Prepared(len(ids), Plan([], [], []), (events.Tokens(text, ids), done))
