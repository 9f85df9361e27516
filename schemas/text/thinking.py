"""Whether, how hard and how long a model thinks before it answers, as the many kinds of clients say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import OneOf, Range

from schemas.containers import ByType, kind
from schemas.fields import Body, Count, Flag, Shapes, about
from schemas.inputs import LIMIT

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


class Effort(fields.String):
    """How hard to think."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=OneOf(EFFORTS), **kwargs)


class Wish(NamedTuple):
    """What one field says: whether to think, how hard, and for how many tokens at most; None where it does not say."""

    param: str
    enabled: bool | None = None
    effort: str | None = None
    budget: int | None = None


class Think(fields.Field[bool | str]):
    """Ollama's field: whether to think, or how hard."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool | str:
        if not isinstance(value, bool) and (not isinstance(value, str) or value not in EFFORTS):
            raise ValidationError(f"must be true, false or one of {', '.join(EFFORTS)}.")
        return value

    def shape(self, _: Shapes) -> dict[str, Any]:
        """Either."""
        return {"anyOf": [{"type": "boolean"}, {"type": "string", "enum": list(EFFORTS)}]}


class ThinkingSchema(Body):
    """Anthropic's field, which DeepSeek, Kimi and GLM take too."""

    type = kind("enabled", "disabled", "adaptive", "auto")
    budget_tokens = Count(validate=Range(min=0, max=LIMIT - 1))


class ReasoningSchema(Body):
    """OpenRouter's field, and OpenAI's of its Responses API."""

    effort = Effort()
    enabled = Flag()
    max_tokens = Count(validate=Range(min=0, max=LIMIT - 1))


class ThinkingFields(Body):
    """Base of the bodies that say how a model is to think."""

    reasoning_effort = Effort(metadata=about("Handed to the model's chat template, as the nearest that it knows."))
    enable_thinking = Flag(metadata=about("The same as in `chat_template_kwargs`."))
    thinking = ByType(dict.fromkeys(("enabled", "disabled", "adaptive", "auto"), ThinkingSchema))
    think = Think(metadata=about("Ollama's name of `enable_thinking` and `reasoning_effort`."))
    reasoning = fields.Nested(ReasoningSchema)

    @validates_schema
    def one_wish(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse fields that contradict each other."""
        _together(data)


def wish(data: Mapping[str, Any]) -> Wish:
    """What a checked body says about thinking, in all its fields."""
    return _together(data)


def _together(data: Mapping[str, Any]) -> Wish:
    settings: dict[str, Any] = {}
    by: dict[str, str] = {}
    for one in _wishes(data):
        for name, value in one._asdict().items():
            if name == "param" or value is None:
                continue
            if settings.setdefault(name, value) != value:
                raise ValidationError(f"contradicts '{by[name]}'; send one of the two.", one.param)
            by.setdefault(name, one.param)
    return Wish("", **settings)


def _wishes(data: Mapping[str, Any]) -> Iterator[Wish]:
    yield Wish("reasoning_effort", effort=data.get("reasoning_effort"))
    yield Wish("enable_thinking", enabled=data.get("enable_thinking"))
    yield Wish("thinking_budget", budget=data.get("thinking_budget"))
    if (thinking := data.get("thinking")) is not None:
        enabled = {"enabled": True, "disabled": False}.get(thinking["type"])
        yield Wish("thinking", enabled, budget=thinking.get("budget_tokens"))
    if (think := data.get("think")) is not None:
        yield Wish("think", enabled=think) if isinstance(think, bool) else Wish("think", effort=think)
    if (reasoning := data.get("reasoning")) is not None:
        yield Wish("reasoning", reasoning.get("enabled"), reasoning.get("effort"), reasoning.get("max_tokens"))
