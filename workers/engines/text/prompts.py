"""From conversations and texts to token ids, by the model's own template and tokenizer; any thread may ask."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property, partial
from typing import Any, NamedTuple

import msgspec

from tasks.values.errors import ContextLengthExceeded, InvalidValue
from tasks.values.requests import (
    ChatRequest,
    CompletionRequest,
    DetokenizeRequest,
    RenderRequest,
    TokenizeRequest,
    Tool,
)
from workers.engines.text import conversation
from workers.engines.text.effort import nearest
from workers.engines.text.output.answer_format import Formats
from workers.engines.text.requester import ANYBODY, Requester
from workers.engines.text.schedule.rows import PromptMedia
from workers.engines.text.special_tokens import Rendered, SpecialTokens, protected
from workers.engines.text.template import TemplateSupport, Turn, probe, template_text
from workers.engines.text.truncation import longest
from workers.media.documents.unfolding import Documents, Request
from workers.serving.check_deadline import CheckDeadline
from workers.tokenisation import Encoder

LONGEST = 4  # times the context: the most tokens that are counted or rendered without being a prompt
TOGETHER = 1 << 20  # tokens of all prompts of a request


class Prompt(NamedTuple):
    """A conversation as the model reads it: its text, its tokens, and its media."""

    text: str
    tokens: list[int]
    media: PromptMedia | None = None


class Prompts:
    """One model's tokenizer; `context` is the longest prompt with answer, `vocabulary` the number of token ids.

    Special tokens in what users write are text, unless they are to be parsed. Files of conversations are read by
    `documents`; without them they are refused.
    """

    def __init__(
        self,
        tokenizer: Any,
        context: int,
        vocabulary: int,
        formats: Formats,
        *,
        parse_special_tokens: bool = False,
        documents: Documents | None = None,
    ) -> None:
        self._tokenizer, self.context, self.vocabulary = tokenizer, context, vocabulary
        self._formats, self._documents = formats, documents
        self._encoder = Encoder(tokenizer, context)
        markers = formats.reasoning.MARKERS if formats.reasoning else ()
        tokens = () if parse_special_tokens else protected(tokenizer, template_text(tokenizer), markers)
        self._special_tokens = SpecialTokens(self._encoder, tokens, markers)
        self._one_at_a_time = threading.Lock()  # for what a tokenizer may keep state in

    @property
    def modalities(self) -> tuple[str, ...]:
        """What a conversation may hold."""
        return ("text",)

    @property
    def pages(self) -> int:
        """How many pages of a PDF it is shown as images; 0 where it gets their text."""
        return 0

    def chat(self, chat: ChatRequest, requester: Requester = ANYBODY) -> Prompt:
        """The prompt of a conversation; raises InvalidValue or ContextLengthExceeded."""
        with self._unfolded(chat, self.context, requester) as unfolded:
            if not chat.truncate:
                return self._whole(unfolded, requester)
            return longest(
                unfolded.messages,
                lambda turns: self._whole(msgspec.structs.replace(unfolded, messages=turns), requester),
            )

    def _unfolded(self, request: Request, most: int, requester: Requester) -> AbstractContextManager[Request]:
        """The request with what its files hold in their place; no text of one may have more than `most` tokens."""
        if self._documents is None:
            return nullcontext(request)

        def check(text: str, param: str) -> None:
            self._encoder.check(text, param, requester.deadline, most)

        return self._documents.unfolded(request, pages=self.pages, check=check, deadline=requester.deadline)

    def _whole(self, chat: ChatRequest, requester: Requester) -> Prompt:
        tools = () if chat.tool_choice.mode == "none" else chat.tools
        prompt = self._read(chat, tools, self.context, requester, answer=chat.generation_prompt)
        self._check_fits(prompt.tokens, "messages")
        return prompt

    def completion(self, request: CompletionRequest, requester: Requester = ANYBODY) -> list[list[int]]:
        """The prompts of a completion; raises InvalidValue or ContextLengthExceeded."""
        several, total = len(request.prompts) > 1, 0
        prompts: list[list[int]] = []
        for at, prompt in enumerate(request.prompts):
            param = f"prompt[{at}]" if several else "prompt"
            prompts.append(self._prompt(prompt, param, requester.deadline))
            total += len(prompts[-1])
            if several and total > TOGETHER:
                raise InvalidValue(f"the prompts have more than {TOGETHER} tokens together; send fewer", param=param)
        return prompts

    def _prompt(self, prompt: str | Sequence[int], param: str, deadline: CheckDeadline) -> list[int]:
        tokens = self._encoder.fitting(prompt, param, deadline, special=True) if isinstance(prompt, str) else prompt
        self._check_fits(tokens, param)
        return self.checked(tokens, param)

    def render(self, request: RenderRequest, requester: Requester = ANYBODY) -> Prompt:
        """A conversation as the model reads it; raises InvalidValue, or ContextLengthExceeded if it is far too long."""
        most = LONGEST * self.context
        with self._unfolded(request, most, requester) as unfolded:
            return self._read(unfolded, request.tools, most, requester, answer=request.generation_prompt)

    def tokens(self, request: TokenizeRequest, requester: Requester = ANYBODY) -> list[int]:
        """The token ids of a text; raises ContextLengthExceeded when it is far too long for a prompt."""
        most = LONGEST * self.context
        return self._encoder.fitting(request.text, "prompt", requester.deadline, special=request.special, most=most)

    def text(self, request: DetokenizeRequest) -> str:
        """The text of token ids; raises InvalidValue or, when they are far too many, ContextLengthExceeded."""
        if len(request.tokens) > LONGEST * self.context:
            raise ContextLengthExceeded(
                f"this model's context length is {self.context} tokens; at most {LONGEST * self.context} are made a "
                f"text, not {len(request.tokens)}",
                param="tokens",
            )
        return self.decode(self.checked(request.tokens, "tokens"))

    def _read(
        self,
        request: ChatRequest | RenderRequest,
        tools: Sequence[Tool],
        most: int,
        requester: Requester,
        *,
        answer: bool,
    ) -> Prompt:
        for media in (media for message in request.messages for media in message.media):
            raise InvalidValue(f"this model only reads text, no {media.kind}", param=media.param)
        return self._tokenised(self._marked(request, tools, most, answer=answer), most, requester)

    def _tokenised(self, rendered: Rendered, most: int, requester: Requester) -> Prompt:
        text = rendered.text
        self._encoder.check(text, "messages", requester.deadline, most)
        return Prompt(text, self._special_tokens.tokens(rendered))

    def _marked(
        self, request: ChatRequest | RenderRequest, tools: Sequence[Tool], most: int, *, answer: bool
    ) -> Rendered:
        """The template's text, which ends where the answer begins or goes on, with marks in what users wrote.

        Raises InvalidValue, or ContextLengthExceeded for what cannot be `most` tokens or fewer.
        """
        if not self._tokenizer.has_chat_template:
            raise InvalidValue("this model has no chat template, so it cannot chat", param="model")
        if len(request.messages) > most:
            message = f"{len(request.messages)} messages cannot fit a context of {self.context} tokens"
            raise ContextLengthExceeded(message, param="messages")
        self._encoder.check_length(conversation.length(request.messages), "messages", most)
        return self._special_tokens.rendered(request, tools, partial(self._rendered, answer=answer))

    def _rendered(self, request: ChatRequest | RenderRequest, tools: Sequence[Tool], *, answer: bool) -> str:
        written, tool_options = self._formats.written, {"tools": list[Any]()} if self.template_support.no_tools else {}
        if self._formats.taught or self._formats.tools is None:
            turns = conversation.native(request.messages, self.template_support, written)
            tool_options = {"tools": conversation.functions(tools)} if tools else tool_options
        else:
            turns = conversation.plain(request.messages, tools, self.template_support, written)
        try:
            return self._template(
                turns,
                add_generation_prompt=answer and not request.prefill,
                continue_final_message=request.prefill,
                **{**_thinking(request), **request.template_options, **self._effort(request), **tool_options},
            )
        except Exception as error:  # a template may do anything with what it is given
            message = f"the model's chat template refuses these messages: {error}"
            raise InvalidValue(message, param="messages") from None

    @cached_property
    def template_support(self) -> TemplateSupport:
        """How the template wants its turns."""

        def render(turns: Sequence[Turn], tools: Sequence[Mapping[str, Any]] | None) -> str:
            return self._template(
                turns, add_generation_prompt=True, **({} if tools is None else {"tools": list(tools)})
            )

        return probe(self._formats.template, render, self._formats.written.OBJECTS)

    def _template(self, turns: Sequence[Turn], **options: Any) -> str:
        """What the template makes of these turns, which it may refuse with any exception."""
        return str(self._tokenizer.apply_chat_template(self._turns(list(turns)), tokenize=False, **options))

    def _effort(self, request: ChatRequest | RenderRequest) -> Mapping[str, Any]:
        effort = request.template_options.get("reasoning_effort")
        return {"reasoning_effort": nearest(effort, self._formats.template)} if isinstance(effort, str) else {}

    def _turns(self, turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The turns in the form that this model's template takes."""
        return turns

    def encode(self, text: str, *, special: bool) -> list[int]:
        """The token ids of a text, with the special tokens around it if wanted."""
        return self._encoder.ids(text, special=special)

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of token ids, special ones as they are written."""
        with self._one_at_a_time:
            return str(self._tokenizer.decode(list(tokens)))

    def checked(self, tokens: Sequence[int], param: str) -> list[int]:
        """Token ids that the model has; raises InvalidValue."""
        for at, token in enumerate(tokens):
            if not 0 <= token < self.vocabulary:
                message = f"token {token} does not exist; this model's ids end at {self.vocabulary - 1}"
                raise InvalidValue(message, param=f"{param}[{at}]")
        return list(tokens)

    def _check_fits(self, tokens: Sequence[int], param: str) -> None:
        if not tokens:
            raise InvalidValue("this makes an empty prompt", param=param)
        if len(tokens) >= self.context:
            raise ContextLengthExceeded(
                f"this model's context length is {self.context} tokens; the prompt takes {len(tokens)} of them and "
                "leaves none for an answer",
                param=param,
            )


def _thinking(request: ChatRequest | RenderRequest) -> Mapping[str, Any]:
    """What tells a template that the model is not to think."""
    budget = request.thinking_budget if isinstance(request, ChatRequest) else None
    return (
        {"enable_thinking": False} if budget == 0 or request.template_options.get("reasoning_effort") == "none" else {}
    )
