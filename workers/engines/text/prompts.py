"""From conversations and texts to token ids, by the model's own template and tokenizer; any thread may ask."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from tasks.errors import ContextLengthExceeded, InvalidValue
from tasks.requests import ChatRequest, CompletionRequest, RenderRequest, Tool
from workers.engines.text import conversation
from workers.engines.text.reading import Formats


class Prompts:
    """One model's tokenizer; `context` is the longest prompt with answer, `vocabulary` the number of token ids."""

    def __init__(self, tokenizer: Any, context: int, vocabulary: int, formats: Formats) -> None:
        self._tokenizer, self.context, self.vocabulary = tokenizer, context, vocabulary
        self._formats = formats
        self._one_at_a_time = threading.Lock()  # a tokenizer keeps state while it encodes

    def chat(self, chat: ChatRequest) -> tuple[str, list[int]]:
        """The prompt of a conversation as text and tokens; raises InvalidValue or ContextLengthExceeded."""
        text = self._rendered(chat, () if chat.tool_choice.mode == "none" else chat.tools, answer=True)
        return text, self._fitting(self.encode(text, special=False), "messages")

    def completion(self, request: CompletionRequest) -> list[list[int]]:
        """The prompts of a completion; raises InvalidValue or ContextLengthExceeded."""
        given = enumerate(request.prompts)
        several = len(request.prompts) > 1
        return [self._prompt(prompt, f"prompt[{at}]" if several else "prompt") for at, prompt in given]

    def _prompt(self, prompt: str | Sequence[int], param: str) -> list[int]:
        tokens = self.encode(prompt, special=True) if isinstance(prompt, str) else self.checked(prompt, param)
        return self._fitting(tokens, param)

    def render(self, request: RenderRequest) -> str:
        """A conversation as the model reads it; raises InvalidValue."""
        return self._rendered(request, request.tools, answer=request.generation_prompt)

    def _rendered(self, request: ChatRequest | RenderRequest, tools: Sequence[Tool], *, answer: bool) -> str:
        """The template's text, ending where the answer begins or, with a prefill, goes on; raises InvalidValue."""
        if not self._tokenizer.has_chat_template:
            raise InvalidValue("this model has no chat template, so it cannot chat", param="model")
        written, told = self._formats.tools, dict[str, Any]()
        if self._formats.taught or written is None:
            turns = conversation.native(request.messages, objects=written is None or written.OBJECTS)
            told = {"tools": conversation.functions(tools)} if tools else {}
        else:
            turns = conversation.plain(request.messages, tools, written)
        try:
            with self._one_at_a_time:
                return str(
                    self._tokenizer.apply_chat_template(
                        turns,
                        tokenize=False,
                        add_generation_prompt=answer and not request.prefill,
                        continue_final_message=request.prefill,
                        **{**_thinking(request), **request.template_options, **told},
                    )
                )
        except Exception as error:  # a template may do anything with what it is given
            message = f"the model's chat template refuses these messages: {error}"
            raise InvalidValue(message, param="messages") from None

    def encode(self, text: str, *, special: bool) -> list[int]:
        """The token ids of a text, with the special tokens around it if wanted."""
        with self._one_at_a_time:
            return list(self._tokenizer.encode(text, add_special_tokens=special))

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

    def _fitting(self, tokens: list[int], param: str) -> list[int]:
        if not tokens:
            raise InvalidValue("this makes an empty prompt", param=param)
        if len(tokens) >= self.context:
            raise ContextLengthExceeded(
                f"this model's context length is {self.context} tokens; the prompt takes {len(tokens)} of them and "
                "leaves none for an answer",
                param=param,
            )
        return tokens


def _thinking(request: ChatRequest | RenderRequest) -> Mapping[str, Any]:
    """What tells a template that the model is not to think."""
    budget = request.thinking_budget if isinstance(request, ChatRequest) else None
    return (
        {"enable_thinking": False} if budget == 0 or request.template_options.get("reasoning_effort") == "none" else {}
    )
