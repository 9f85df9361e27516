"""The body of `POST /v1/completions`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, validates_schema
from marshmallow.validate import Range

from schemas.fields import Count, Flag, about
from schemas.inputs import LIMIT, MAX_INPUTS, Inputs
from schemas.text.sampling import MAX_ALTERNATIVES, SamplingSchema


class CompletionsSchema(SamplingSchema):
    """Texts to continue."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"user"})
    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {"prompt_logprobs": (), "suffix": ("",)}

    prompt = Inputs(required=True)
    max_tokens = Count(validate=Range(min=0, max=LIMIT - 1))
    logprobs = Count(
        validate=Range(min=0, max=MAX_ALTERNATIVES),
        metadata=about("Tells tokens with their log probabilities and with this many alternatives."),
    )
    echo = Flag(metadata=about("Whether answers begin with their prompt."))
    best_of = Count()

    @validates_schema
    def agree(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse fields that contradict each other."""
        answers = data.get("n", 1)
        if data.get("max_tokens") == 0 and not data.get("echo"):
            raise ValidationError("must be at least 1, except with 'echo'.", "max_tokens")
        if data.get("best_of", answers) != answers:
            raise ValidationError("must equal 'n', as answers are not ranked here; leave it out.", "best_of")
        if answers * len(data["prompt"]) > MAX_INPUTS:
            raise ValidationError(f"times the number of prompts is more than {MAX_INPUTS} answers.", "n")
