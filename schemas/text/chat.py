"""The body of `POST /v1/chat/completions`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, post_load, validates_schema
from marshmallow.validate import Range

from mlxq import ranges
from schemas.containers import Items
from schemas.fields import Count, Flag, about, within
from schemas.inputs import LIMIT
from schemas.jobs.jobs import metadata
from schemas.text import functions as older
from schemas.text import spoken
from schemas.text.constraints import rules
from schemas.text.functions import FunctionChoice
from schemas.text.messages import ConversationSchema
from schemas.text.sampling import MAX_ALTERNATIVES, SamplingSchema
from schemas.text.tools import MAX_TOOLS, Choice, FunctionSchema, ToolChoice, fit, names


class ChatSchema(ConversationSchema, SamplingSchema):
    """A conversation to continue."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset(
        {
            "cache_control",
            "prompt_cache_key",
            "prompt_cache_options",
            "prompt_cache_retention",
            "safety_identifier",
            "user",
        }
    )
    IGNORED: ClassVar[Mapping[str, tuple[Any, ...]]] = {**SamplingSchema.IGNORED, "best_of": (1,), "echo": (False,)}
    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "chat_template": (),
        "moderation": (),
        "prediction": (),
        "prompt_logprobs": (),
        "service_tier": ("auto", "default"),
        "verbosity": ("medium",),
        "web_search_options": (),
    }
    ALIASES: ClassVar[Mapping[str, str]] = {
        **SamplingSchema.ALIASES,
        "max_tokens": "max_completion_tokens",
        "n_predict": "max_completion_tokens",
        "num_predict": "max_completion_tokens",
        "thinking_token_budget": "thinking_budget",
    }

    max_tokens = Count(validate=within(ranges.MaxTokens), metadata=about("The older name of `max_completion_tokens`."))
    max_completion_tokens = Count(
        validate=within(ranges.MaxTokens), metadata=about("The most tokens of an answer, thinking included.")
    )
    thinking_budget = Count(
        validate=Range(min=0, max=LIMIT - 1), metadata=about("The most tokens that are thought before the answer.")
    )
    thinking_token_budget = Count(
        validate=Range(min=0, max=LIMIT - 1), metadata=about("Another name of `thinking_budget`.")
    )
    tool_choice = ToolChoice()
    parallel_tool_calls = Flag()
    functions = Items(
        fields.Nested(FunctionSchema),
        most=MAX_TOOLS,
        metadata=about("The older form of `tools`; answers have the older one too."),
    )
    function_call = FunctionChoice()
    logprobs = Flag(
        metadata=about("Whether tokens are returned with their log probabilities, before any option changes them.")
    )
    top_logprobs = Count(validate=Range(min=0, max=MAX_ALTERNATIVES))
    modalities = spoken.Modalities(metadata=about("What an answer is: text, which models that speak can say, too."))
    audio = fields.Nested(spoken.AudioSchema, metadata=about("How an answer with `audio` in `modalities` is spoken."))
    store = Flag(metadata=about("Whether the answer stays when it is given: `GET /v1/chat/completions` lists such."))
    metadata = metadata(metadata=about("Words of the caller's, kept with an answer that is stored."))

    @validates_schema
    def agree(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse alternatives of log probabilities that are not told."""
        if data.get("top_logprobs") and not data.get("logprobs"):
            raise ValidationError("needs 'logprobs'; set it to true.", "top_logprobs")

    @validates_schema
    def choose(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse a choice of tools that cannot be met."""
        fit(data.get("tool_choice", Choice("auto")), names(data.get("tools", [])))
        older.check(data)
        for name in ("tool_choice", "function_call"):
            for rule in rules(data):
                if data.get(name, Choice("auto")).mode == "required":
                    raise ValidationError(f"contradicts '{name}', which asks for a call; leave one out.", rule.param)

    @validates_schema
    def speak(self, data: Mapping[str, Any], **_: Any) -> None:
        """Reject audio options that do not fit together, or that other options exclude."""
        spoken.check(data)

    @post_load
    def translate(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Say the older form of tools in the newer one."""
        return older.as_tools(data) if data.get("functions") else data
