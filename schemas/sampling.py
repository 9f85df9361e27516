"""How the tokens of a text are chosen and where it ends: what chats and completions both take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Range

from schemas.constraints import ConstrainedSchema
from schemas.fields import Body, Count, Entries, Flag, Number, Shapes, about
from schemas.inputs import LIMIT

MAX_ALTERNATIVES = 20
MAX_STOP = 4096  # characters
MAX_STOPS = 4


class StreamOptionsSchema(Body):
    """What a stream carries beside its text."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"include_obfuscation"})  # padding for networks that are watched

    include_usage = Flag()


class Stop(fields.Field[tuple[str, ...]]):
    """A string or up to four, each of 1 to 4096 characters."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> tuple[str, ...]:
        stops = [value] if isinstance(value, str) else value
        if not isinstance(stops, list) or len(stops) > MAX_STOPS:
            raise ValidationError(f"must be a string or a list of at most {MAX_STOPS} strings.")
        for index, stop in enumerate(stops):
            if not isinstance(stop, str) or not stop:
                raise ValidationError({index: ["must be a string that is not empty."]})
            if len(stop) > MAX_STOP:
                raise ValidationError({index: [f"is {len(stop)} characters long; at most {MAX_STOP} are taken."]})
        return tuple(stops)

    def shape(self, _: Shapes) -> dict[str, Any]:
        """A string or a short list of them."""
        one = {"type": "string", "minLength": 1, "maxLength": MAX_STOP}
        return {"anyOf": [one, {"type": "array", "items": one, "maxItems": MAX_STOPS}]}


class TopK(Count):
    """How many of the likeliest tokens stay; 0, which vLLM writes as -1, is all of them."""

    def _validated(self, value: Any) -> int:
        return 0 if (count := super()._validated(value)) == -1 else count

    def shape(self, _: Shapes) -> dict[str, Any]:
        """vLLM's number for all."""
        return {"minimum": -1}


class TokenKey(fields.Field[int]):
    """A token's id as JSON writes a key: decimal digits."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        digits = str(value)
        # Ten digits hold the limit, and 007 would be a second name of 7.
        if len(digits) > 10 or not digits.isdecimal() or str(int(digits)) != digits or int(digits) >= LIMIT:
            raise ValidationError("is not a token id.")
        return int(digits)

    def shape(self, _: Shapes) -> dict[str, Any]:
        """Digits."""
        return {"type": "string", "pattern": "^(0|[1-9][0-9]{0,9})$"}


class SamplingSchema(ConstrainedSchema):
    """Base of the bodies that ask for text; the payload's `Sampling` has the same names."""

    temperature = Number(validate=Range(min=0, max=2), metadata=about("0 always takes the likeliest token."))
    top_p = Number(
        validate=Range(min=0, max=1, min_inclusive=False),
        metadata=about("Keeps the likeliest tokens that together are so likely."),
    )
    top_k = TopK(validate=Range(min=0, max=LIMIT - 1))
    min_p = Number(
        validate=Range(min=0, max=1), metadata=about("Keeps tokens that are at least so likely, the likeliest being 1.")
    )
    xtc_probability = Number(
        validate=Range(min=0, max=1), metadata=about("How likely a step leaves out the likeliest tokens (XTC).")
    )
    xtc_threshold = Number(
        validate=Range(min=0, max=0.5), metadata=about("How likely a token must be to be left out (XTC).")
    )
    repetition_penalty = Number(
        validate=Range(min=0.01, max=100), metadata=about("Makes tokens that were there less likely; 1 does not.")
    )
    repetition_context_size = Count(
        validate=Range(min=0, max=LIMIT - 1),
        metadata=about("How many of the last tokens `repetition_penalty` looks at."),
    )
    presence_penalty = Number(validate=Range(min=-2, max=2))
    frequency_penalty = Number(validate=Range(min=-2, max=2))
    logit_bias = Entries(
        keys=TokenKey(),
        values=Number(validate=Range(min=-100, max=100)),
        most=1024,
        metadata=about("Added to the logits of tokens, by their ids."),
    )
    seed = Count(
        validate=Range(min=-(2**63), max=2**63 - 1), metadata=about("The same seed and request give the same answer.")
    )
    stop = Stop()
    n = Count(validate=Range(min=1, max=128), metadata=about("Answers to each prompt."))
    stream = Flag()
    stream_options = fields.Nested(StreamOptionsSchema)

    @validates_schema
    def streams(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse options of a stream that is none."""
        if "stream_options" in data and not data.get("stream"):
            raise ValidationError("is for streams only; set 'stream' to true or leave it out.", "stream_options")
