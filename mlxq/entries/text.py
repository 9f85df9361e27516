"""What the models' file may say of models that write text."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from mlxq import ranges
from mlxq.entries.model_entry import GIB, REMOTE_CODE, ModelEntry, about
from mlxq.names import ReasoningParser, ToolCallParser
from mlxq.ranges import Natural, Positive, Text

Bits: TypeAlias = Literal[2, 4, 8]
GroupSize: TypeAlias = Literal[32, 64, 128]
_CONTEXT = about(
    "longest prompt and answer together, in tokens, the model's own by default; a longer prompt is refused"
)
_DEFAULT = about(
    "what a request gets that says nothing; where the file is silent `MLXQ_DEFAULT_…`, then the model's "
    "`generation_config.json`"
)


class TextEntry(ModelEntry, frozen=True, kw_only=True):
    """What models that write text have in common."""

    context_length: Annotated[Positive | None, _CONTEXT] = None
    batch_completion_size: Annotated[Positive, about("answers computed together", flag="decode_concurrency")] = 32
    batch_prefill_size: Annotated[
        Positive, about("prompts that are read at the same time", flag="prompt_concurrency")
    ] = 8
    batch_prefill_step_size: Annotated[
        Positive,
        about(
            "most tokens of a prompt in a step. Pieces are as large as pays while nobody notices: half a second "
            "between two tokens of a running stream, a second when there is none",
            flag="prefill_step_size",
        ),
    ] = 2048
    disable_batching: Annotated[bool, about("one request after the other, whatever the sizes of batches are")] = False
    max_kv_bytes: Annotated[
        Positive | None,
        about(
            "bytes of the KV caches of running requests, by default what the device recommends to use, on Metal, or no "
            "limit. What does not fit waits, and the answers that came last pause"
        ),
    ] = None
    kv_bits: Annotated[
        Bits | None,
        about("quantises KV caches, in the batch too. Windows of sliding attention stay as they are"),
    ] = None
    kv_group_size: Annotated[GroupSize, about("how many numbers share a scale when KV caches are quantised")] = 64
    quantized_kv_start: Annotated[Natural, about("tokens from which on a KV cache is quantised")] = 0
    prompt_cache_size: Annotated[
        Natural | None, about("earlier prompts and answers kept in memory, by default as many as fit; 0 keeps none")
    ] = None
    prompt_cache_max_bytes: Annotated[
        Natural | None,
        about(
            "bytes that they take, by default 1 GiB, or a quarter of what Metal has to spare where that is less; 0 "
            "keeps none. What several begin with is kept once",
            flag="max_bytes",
        ),
    ] = None
    prompt_cache_dir: Annotated[Text | None, about("a folder in which they outlive the process")] = None
    prompt_cache_disk_max_bytes: Annotated[Positive, about("bytes that they take there")] = 8 * GIB
    chat_template_file: Annotated[Text | None, about("a Jinja chat template instead of the model's")] = None
    trust_remote_code: Annotated[bool, REMOTE_CODE] = False
    tool_call_parser: Annotated[
        ToolCallParser | None,
        about("how the model writes tool calls, by default as its chat template tells; `none` reads none"),
    ] = None
    reasoning_parser: Annotated[
        ReasoningParser | None,
        about("how the model marks its thinking, by default as its chat template tells; `none` reads none"),
    ] = None
    enable_auto_tool_choice: Annotated[bool, about("changes nothing: tools are always on")] = True
    message_converter: Annotated[
        Text | None, about("changes nothing: messages are written as the model's format wants them")
    ] = None
    disable_auto_resize: Annotated[
        bool,
        about(
            "false shrinks images to 448 pixels on their longer side; otherwise they are shrunk only where a request "
            "asks for it"
        ),
    ] = True
    default_max_tokens: Annotated[ranges.MaxTokens | None, _DEFAULT] = None
    default_temperature: Annotated[ranges.Temperature | None, _DEFAULT] = None
    default_top_p: Annotated[ranges.TopP | None, _DEFAULT] = None
    default_top_k: Annotated[ranges.TopK | None, _DEFAULT] = None
    default_min_p: Annotated[ranges.Probability | None, _DEFAULT] = None
    default_xtc_probability: Annotated[ranges.Probability | None, _DEFAULT] = None
    default_xtc_threshold: Annotated[ranges.XtcThreshold | None, _DEFAULT] = None
    default_repetition_penalty: Annotated[ranges.RepetitionPenalty | None, _DEFAULT] = None
    default_repetition_context_size: Annotated[ranges.ContextSize | None, _DEFAULT] = None
    default_presence_penalty: Annotated[ranges.Penalty | None, _DEFAULT] = None
    default_frequency_penalty: Annotated[ranges.Penalty | None, _DEFAULT] = None
    default_seed: Annotated[ranges.Seed | None, _DEFAULT] = None

    @property
    def rows(self) -> int:
        """How many requests are computed together."""
        return 1 if self.disable_batching else self.batch_completion_size
