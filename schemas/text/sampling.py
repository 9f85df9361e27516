"""How the tokens of a text are chosen and where it ends: what chats and completions both take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Range

from mlxq import ranges
from schemas.containers import Entries
from schemas.fields import Body, Count, Flag, Number, Shapes, Text, about, within
from schemas.inputs import LIMIT, TokenIds
from schemas.text.constraints import ConstrainedSchema

MAX_ALTERNATIVES = 20
MAX_STOP = 16_384  # characters of all stop strings together
MAX_STOPS = 256
MAX_STOP_TOKENS = 256


class StreamOptionsSchema(Body):
    """What a stream carries beside its text."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"include_obfuscation"})  # padding for networks that are watched

    include_usage = Flag()
    continuous_usage_stats = Flag(metadata=about("Whether every chunk tells the usage so far."))


class Stop(fields.Field[tuple[str, ...]]):
    """A string or several, of 16,384 characters together; one that is empty says nothing."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> tuple[str, ...]:
        stops = ([value] if value else []) if isinstance(value, str) else value
        if not isinstance(stops, list) or len(stops) > MAX_STOPS:
            raise ValidationError(f"must be a string or a list of at most {MAX_STOPS} strings.")
        for index, stop in enumerate(stops):
            if not isinstance(stop, str) or not stop:
                raise ValidationError({index: ["must be a string that is not empty."]})
        if (length := sum(map(len, stops))) > MAX_STOP:
            raise ValidationError(f"is {length} characters long; at most {MAX_STOP} are taken.")
        return tuple(stops)

    def shape(self, _: Shapes) -> dict[str, Any]:
        """A string or a list of them."""
        text = {"type": "string", "maxLength": MAX_STOP}
        return {"anyOf": [text, {"type": "array", "items": {**text, "minLength": 1}, "maxItems": MAX_STOPS}]}


class TopK(Count):
    """How many of the likeliest tokens stay; 0, which vLLM writes as -1, is all of them."""

    def _validated(self, value: Any) -> int:
        return 0 if (count := super()._validated(value)) == -1 else count

    def shape(self, _: Shapes) -> dict[str, Any]:
        """vLLM's number for all."""
        return {"minimum": -1}


class Boundless(Count):
    """A number of tokens; -1 and -2, as Ollama writes it, are as many as there are."""

    def _validated(self, value: Any) -> int:
        return LIMIT - 1 if (count := super()._validated(value)) in (-1, -2) else count

    def shape(self, _: Shapes) -> dict[str, Any]:
        """Ollama's numbers for all."""
        return {"minimum": -2}


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


def adapter() -> Text:
    """The field of bodies that may choose one of their model's adapters."""
    return Text(metadata=about("A LoRA adapter that the model lists; `model` may also be `MODEL:ADAPTER`."))


class TokenSchema(Body):
    """How tokens are chosen and where a text ends; the payload's `Sampling` has the same names."""

    ALIASES: ClassVar[Mapping[str, str]] = {
        "repeat_last_n": "repetition_context_size",
        "repeat_penalty": "repetition_penalty",
    }
    # What changes nothing that an answer holds, or does so at these values only.
    IGNORED: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "cache_prompt": (),
        "early_stopping": (False,),
        "keep_alive": (),
        "length_penalty": (1,),
        "mirostat": (),
        "mirostat_eta": (),
        "mirostat_tau": (),
        "mode": (),
        "models": (),
        "num_ctx": (),
        "priority": (),
        "tfs_z": (),
        "top_a": (),
        "use_beam_search": (False,),
    }

    adapter = adapter()
    temperature = Number(validate=within(ranges.Temperature), metadata=about("0 always takes the likeliest token."))
    top_p = Number(
        validate=Range(min=0, max=1),
        metadata=about("Keeps the likeliest tokens that together are so likely; 0 the likeliest alone."),
    )
    top_k = TopK(validate=within(ranges.TopK))
    min_p = Number(
        validate=within(ranges.Probability),
        metadata=about("Keeps tokens that are at least so likely, the likeliest being 1."),
    )
    xtc_probability = Number(
        validate=within(ranges.Probability), metadata=about("How likely a step leaves out the likeliest tokens (XTC).")
    )
    xtc_threshold = Number(
        validate=within(ranges.XtcThreshold), metadata=about("How likely a token must be to be left out (XTC).")
    )
    repetition_penalty = Number(
        validate=within(ranges.RepetitionPenalty),
        metadata=about("Makes tokens that were there less likely; 1 does not."),
    )
    repeat_penalty = Number(
        validate=within(ranges.RepetitionPenalty), metadata=about("Ollama's name of `repetition_penalty`.")
    )
    repetition_context_size = Count(
        validate=within(ranges.ContextSize),
        metadata=about("How many of the last tokens `repetition_penalty` looks at."),
    )
    repeat_last_n = Boundless(
        validate=within(ranges.ContextSize), metadata=about("Ollama's name of `repetition_context_size`; -1 is all.")
    )
    presence_penalty = Number(validate=within(ranges.Penalty))
    frequency_penalty = Number(validate=within(ranges.Penalty))
    logit_bias = Entries(
        keys=TokenKey(),
        values=Number(validate=Range(min=-100, max=100)),
        most=1024,
        metadata=about("Added to the logits of tokens, by their ids."),
    )
    seed = Count(validate=within(ranges.Seed), metadata=about("The same seed and request give the same answer."))
    min_tokens = Count(
        validate=Range(min=0, max=LIMIT - 1),
        metadata=about("Tokens before which neither the end of the text nor one of `stop_token_ids` is sampled."),
    )
    ignore_eos = Flag(
        metadata=about("Whether the end of the text is never sampled, so that the limit ends the answer.")
    )
    stop = Stop()
    stop_token_ids = TokenIds(
        most=MAX_STOP_TOKENS, metadata=about("Tokens that end an answer, as its own end does, by their ids.")
    )
    include_stop_str_in_output = Flag(metadata=about("Whether an answer ends with the stop string that ended it."))
    skip_special_tokens = Flag(metadata=about("Whether the model's special tokens are left out of the text."))


class SamplingSchema(TokenSchema, ConstrainedSchema):
    """Base of the bodies that ask for text and may ask for several."""

    ALIASES: ClassVar[Mapping[str, str]] = {
        **TokenSchema.ALIASES,
        "n_predict": "max_tokens",
        "num_predict": "max_tokens",
    }

    num_predict = Boundless(
        validate=Range(min=1, max=LIMIT - 1), metadata=about("Ollama's name of `max_tokens`; -1 sets no limit.")
    )
    n_predict = Boundless(
        validate=Range(min=1, max=LIMIT - 1), metadata=about("llama.cpp's name of `max_tokens`; -1 sets no limit.")
    )
    n = Count(validate=Range(min=1, max=128), metadata=about("Answers to each prompt."))
    stream = Flag()
    stream_options = fields.Nested(StreamOptionsSchema)

    @validates_schema
    def streams(self, data: Mapping[str, Any], **_: Any) -> None:
        """Reject stream_options when stream is not true."""
        if "stream_options" in data and not data.get("stream"):
            raise ValidationError("is for streams only; set 'stream' to true or leave it out.", "stream_options")

    @validates_schema
    def at_least(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse an answer that is to be longer than it may be."""
        for name in ("max_tokens", "max_completion_tokens", "num_predict", "n_predict"):
            most = data.get(name)
            if most is not None and data.get("min_tokens", 0) > most:
                raise ValidationError(f"must be at most '{name}', which is {most}.", "min_tokens")
