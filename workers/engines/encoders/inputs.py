"""Inputs to embed as token ids: with the model's prompt before each text, cut or refused where they are too long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tasks.values.errors import ContextLengthExceeded, InvalidValue
from tasks.values.requests import EmbeddingRequest
from workers.engines.encoders.sentence import Recipe
from workers.serving.check_deadline import ENDLESS, CheckDeadline
from workers.tokenisation import Encoder

TOGETHER = 1 << 20  # tokens of all inputs of a job
# The names that models give the prompts of a type of input, as sentence-transformers looks for them.
_TYPES = {"query": ("query",), "document": ("document", "passage", "corpus")}


@dataclass(frozen=True)
class Text:
    """An input's token ids, of which the first `prompt` are a prompt's, the special ones before it included."""

    tokens: tuple[int, ...]
    prompt: int = 0

    def __len__(self) -> int:
        return len(self.tokens)


class Tokens:
    """Inputs to token ids, of which each has at most `longest`; may be called from any thread."""

    def __init__(self, tokenizer: Any, longest: int, vocabulary: int, recipe: Recipe) -> None:
        self.longest = longest
        self._encoder, self._vocabulary, self._recipe = Encoder(tokenizer, longest), vocabulary, recipe

    def of(self, request: EmbeddingRequest, deadline: CheckDeadline = ENDLESS) -> tuple[Text, ...]:
        """Token ids of every input; raises InvalidValue or ContextLengthExceeded, naming the input, or JobCancelled."""
        prompt = self._prompt(request)
        most = self._most(request)
        begun = len(self._encoder.ids(prompt.strip(), special=True)) - 1 if prompt else 0
        encoded = self._encoder.several(list(self._texts(request, prompt, most, deadline)), deadline)
        inputs: list[Text] = []
        total = 0
        for index, one in enumerate(request.inputs):
            tokens = tuple(next(encoded)) if isinstance(one, str) else one
            if request.truncate is not None:
                tokens = self._encoder.cut(tokens, most, start=request.truncate == "start", kept=begun)
            self._check(tokens, f"input[{index}]")
            inputs.append(Text(tokens, begun))
            total += len(tokens)
            if total > TOGETHER:
                raise InvalidValue(f"the inputs have more than {TOGETHER} tokens together; send fewer", param="input")
        return tuple(inputs)

    def _prompt(self, request: EmbeddingRequest) -> str:
        prompts = self._recipe.prompts
        name = request.prompt_name
        if name is not None and name not in prompts:
            known = f"it has {', '.join(map(repr, sorted(prompts)))}" if prompts else "it has none"
            raise InvalidValue(f"this model has no prompt '{name}'; {known}", param="prompt_name")
        if name is None and request.input_type is not None:
            name = next((name for name in _TYPES[request.input_type] if name in prompts), None)
        if not all(isinstance(one, str) for one in request.inputs):
            if name is not None:
                param = "prompt_name" if request.prompt_name is not None else "input_type"
                raise InvalidValue("a prompt stands before texts; token ids are taken as they are", param=param)
            return ""
        return prompts.get(name or self._recipe.prompt or "", "")

    def _most(self, request: EmbeddingRequest) -> int:
        most = request.max_tokens or self.longest
        if most > self.longest:
            raise InvalidValue(f"this model takes at most {self.longest} tokens", param="truncate_prompt_tokens")
        return most

    def _texts(self, request: EmbeddingRequest, prompt: str, most: int, deadline: CheckDeadline) -> Iterator[str]:
        """The texts as they are tokenised, stripped as sentence-transformers does."""
        for index, one in enumerate(request.inputs):
            if not isinstance(one, str):
                continue
            text = one
            if request.truncate is not None:
                text = self._encoder.shortened(text, most, deadline, start=request.truncate == "start")
            text = (prompt + text).strip()
            if request.truncate is None:
                self._encoder.check(text, f"input[{index}]", deadline)
            yield text.lower() if self._recipe.lower else text

    def _check(self, tokens: tuple[int, ...], param: str) -> None:
        if len(tokens) > self.longest:
            raise ContextLengthExceeded(
                f"{param} is {len(tokens)} tokens long; this model takes {self.longest}", param=param
            )
        if not tokens:
            raise InvalidValue(f"{param} has no tokens: to this model it is an empty text", param=param)
        if max(tokens) >= self._vocabulary:
            raise InvalidValue(f"{param} holds {max(tokens)}, which is not a token", param=param)
