"""Prompts that show things: each is opened, and gets its place in the text and the tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tasks.values.errors import InvalidValue
from tasks.values.requests import ChatRequest, RenderRequest, Tool
from workers.engines.text.output.answer_format import Formats
from workers.engines.text.prompts import Prompt, Prompts
from workers.engines.text.requester import Requester
from workers.engines.text.template import template_text
from workers.engines.vision.media import MediaLoader
from workers.engines.vision.parts import Content, MediaReader, split
from workers.media.documents.unfolding import Documents

# What a template does that takes a turn's content in parts; the others take it as one string.
_IN_PARTS = re.compile(r"""\[['"]type['"]\]|\.type\b|selectattr\(\s*['"]type['"]""")


def takes_parts(tokenizer: Any) -> bool:
    """Whether a tokenizer's chat template takes a turn's content in parts; what has none is written otherwise."""
    return _IN_PARTS.search(template_text(tokenizer)) is not None


class VisionPrompts(Prompts):
    """The prompts of a model that sees, and perhaps hears and watches."""

    def __init__(
        self,
        tokenizer: Any,
        context: int,
        vocabulary: int,
        formats: Formats,
        *,
        reader: MediaReader,
        media_loader: MediaLoader,
        parse_special_tokens: bool = False,
        documents: Documents | None = None,
    ) -> None:
        super().__init__(
            tokenizer, context, vocabulary, formats, parse_special_tokens=parse_special_tokens, documents=documents
        )
        self._reader, self._media_loader = reader, media_loader
        self._in_parts = takes_parts(tokenizer)

    @property
    def modalities(self) -> tuple[str, ...]:
        return ("text", *self._reader.kinds)

    @property
    def pages(self) -> int:
        return self._media_loader.most if "image" in self.modalities else 0

    def _read(
        self,
        request: ChatRequest | RenderRequest,
        tools: Sequence[Tool],
        most: int,
        requester: Requester,
        *,
        answer: bool,
    ) -> Prompt:
        media = [media for message in request.messages for media in message.media]
        rendered = self._marked(request, tools, most, answer=answer)
        if not media and not self._reader.reads_text:
            return self._tokenised(rendered, most, requester)
        self._check_markers(request)
        self._encoder.check(rendered.text, "messages", requester.deadline, most)
        with self._media_loader.open(media, requester.deadline) as opened:
            return self._reader.prompt(rendered, opened, self._special_tokens, self.vocabulary, requester)

    def _check_markers(self, request: ChatRequest | RenderRequest) -> None:
        for index, message in enumerate(request.messages):
            for marker in self._reader.reserved:
                if marker in message.content and marker not in self._special_tokens:
                    refusal = (
                        f"'{marker}' stands for what is shown in this model's prompts; no text beside it can hold it"
                    )
                    raise InvalidValue(refusal, param=f"messages[{index}].content")

    def _turns(self, turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [self._turn(turn) for turn in turns]

    def _turn(self, turn: dict[str, Any]) -> dict[str, Any]:
        parts = split(turn["content"], turn.get("media", ()))
        content: Content = parts if self._in_parts else self._reader.content(parts)
        return {name: value for name, value in turn.items() if name != "media"} | {"content": content}
