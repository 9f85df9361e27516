"""What the models' file may say of a model: a struct for each `model_type`, whose fields are its keys.

A field's type is what the key's value may be, its default what a file that is silent means, and its description what
documents, `mlxq launch --help` and editors say of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeAlias, get_args

from msgspec import Meta, Struct, field

from mlxq import ranges
from mlxq.model_entry import GIB, ModelEntry, Name, about
from mlxq.names import ImageEdit, ImageGeneration, ReasoningParser, ToolCallParser
from mlxq.ranges import Natural, Positive, Seconds, Text

Bits: TypeAlias = Literal[2, 4, 8]
GroupSize: TypeAlias = Literal[32, 64, 128]
Drafts: TypeAlias = Annotated[int, Meta(ge=1, le=32)]
Scale: TypeAlias = Annotated[float, Meta(ge=-10, le=10)]
Pooling: TypeAlias = Literal["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]
_CODE = about("run the Python code that comes with the model or its tokenizer")
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
    trust_remote_code: Annotated[bool, _CODE] = False
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
            "false shrinks pictures to 448 pixels on their longer side; otherwise they are shrunk only where a request "
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


class LmEntry(TextEntry, frozen=True, kw_only=True, tag="lm"):
    """A text model."""

    adapter_path: Annotated[Text | None, about("a folder with a LoRA or DoRA adapter")] = None
    adapters: Annotated[
        dict[Name, Text], about("LoRA or DoRA adapters that a request may choose: their names and folders")
    ] = field(default_factory=dict)
    draft_model_path: Annotated[
        Text | None,
        about(
            "a small model of the same vocabulary, whose drafts are checked by the large one while a single stream runs"
        ),
    ] = None
    num_draft_tokens: Annotated[Drafts, about("tokens that it drafts at a time")] = 2
    prompt_lookup_num_tokens: Annotated[
        int,
        Meta(ge=0, le=32),
        about(
            "most tokens that are drafted at a time out of prompt and answer, without a draft model, while up to four "
            "streams run; as many as pay, and 0 drafts none. The answer stays the same"
        ),
    ] = 0

    def faults(self) -> Iterator[tuple[tuple[str, ...], str]]:
        yield from super().faults()
        if self.adapter_path and self.adapters:
            yield ("adapter_path", "adapters"), "'adapter_path' is laid over the model for good; list it in 'adapters'"
        if self.draft_model_path and self.prompt_lookup_num_tokens:
            keys = ("draft_model_path", "prompt_lookup_num_tokens")
            yield keys, "'draft_model_path' and 'prompt_lookup_num_tokens' are two ways to draft; take one of them out"


class MultimodalOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of what a request shows a multimodal model."""

    max_media: Annotated[Natural, about("pictures, pages of PDFs, sounds and films of a request")] = 32
    max_image_pixels: Annotated[Positive, about("pixels of a picture")] = 64_000_000
    max_image_bytes: Annotated[Positive, about("bytes of a picture as it was sent")] = 64 << 20
    max_audio_seconds: Annotated[Seconds, about("seconds of a sound")] = 30.0
    max_video_seconds: Annotated[Seconds, about("seconds of a film")] = 120.0
    max_video_frames: Annotated[Positive, about("frames that are taken of a film")] = 32
    vision_cache_bytes: Annotated[Natural, about("bytes of encoded media that are kept")] = 256 << 20


class MultimodalEntry(TextEntry, frozen=True, kw_only=True, tag="multimodal"):
    """A model that writes text about pictures, films and sounds."""

    options: MultimodalOptions = MultimodalOptions()


class EmbeddingsOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How vectors are made where a model's files do not say it."""

    pooling: Annotated[
        Pooling | None, about("how the vectors of tokens become one, by default as the model's files say")
    ] = None


class EmbeddingsEntry(ModelEntry, frozen=True, kw_only=True, tag="embeddings"):
    """A model that makes vectors of texts."""

    context_length: Annotated[
        Positive | None, about("longest input, in tokens, the model's own by default; a longer one is refused")
    ] = None
    batch_completion_size: Annotated[
        Positive, about("calls computed together; how many inputs are, their lengths decide")
    ] = 64
    vector_cache_max_bytes: Annotated[
        Natural,
        about("bytes of vectors that are kept in `MLXQ_HOME/vectors`, so that a text is embedded once; 0 keeps none"),
    ] = GIB
    trust_remote_code: Annotated[bool, _CODE] = False
    options: EmbeddingsOptions = EmbeddingsOptions()


class RerankOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By what a language model that scores says whether a document is relevant."""

    labels: Annotated[tuple[Text, Text], about("its tokens for no and for yes")] = ("no", "yes")


class RerankEntry(ModelEntry, frozen=True, kw_only=True, tag="rerank"):
    """A model that scores how well documents answer a query."""

    context_length: Annotated[
        Positive | None,
        about("longest query and document together, in tokens, by default the model's, or 8192 of a language model"),
    ] = None
    batch_completion_size: Annotated[
        Positive, about("calls computed together; how many pairs are, their lengths decide")
    ] = 64
    chat_template_file: Annotated[Text | None, about("a Jinja template for a query and a document")] = None
    trust_remote_code: Annotated[bool, _CODE] = False
    options: RerankOptions = RerankOptions()


class WhisperOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of a recording."""

    max_seconds: Annotated[Seconds, about("seconds of a recording")] = 21600.0


class WhisperEntry(ModelEntry, frozen=True, kw_only=True, tag="whisper"):
    """A model that writes down speech."""

    batch_completion_size: Annotated[
        Positive, about("recordings, and windows of up to 30 seconds of them, that are transcribed at the same time")
    ] = 8
    default_temperature: Annotated[
        ranges.SpeechTemperature | None, about("the temperature of a request that says nothing, by default 0")
    ] = None
    options: WhisperOptions = WhisperOptions()


class SpeechToTextEntry(ModelEntry, frozen=True, kw_only=True, tag="speech-to-text"):
    """A model other than Whisper that writes down speech."""

    batch_completion_size: Annotated[
        Positive, about("recordings that are transcribed in turns, a window of up to 30 seconds at a time")
    ] = 8
    options: WhisperOptions = WhisperOptions()


class TextToSpeechOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of a text to speak."""

    max_characters: Annotated[Positive, about("characters of a text")] = 4096


class TextToSpeechEntry(ModelEntry, frozen=True, kw_only=True, tag="text-to-speech"):
    """A model that speaks."""

    voices: Annotated[
        dict[Name, Text],
        about(
            "further voices: names such as `alloy`, and for each a voice of the model, or the path of a recording "
            "whose voice is imitated; what is said in it stands in a `.txt` beside it"
        ),
    ] = field(default_factory=dict)
    batch_completion_size: Annotated[Positive, about("texts that are spoken in turns; the others wait")] = 8
    options: TextToSpeechOptions = TextToSpeechOptions()


class ImageOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of a picture, and sizes of a model that mflux does not know."""

    max_pixels: Annotated[Positive, about("pixels of a picture")] = 2048 * 2048
    transformer_overrides: Annotated[dict[str, Any], about("sizes of the transformer, by mflux's names")] = {}
    text_encoder_overrides: Annotated[dict[str, Any], about("sizes of the text encoder, by mflux's names")] = {}


class ImageEntry(ModelEntry, frozen=True, kw_only=True):
    """What image models have in common."""

    config_name: str
    quantize: Annotated[
        Literal[4, 8, 16] | None, about("bits of the weights, by default as stored; 16 leaves them as they are")
    ] = None
    lora_paths: Annotated[tuple[Text, ...], about("adapters that are laid over the model")] = ()
    lora_scales: Annotated[tuple[Scale, ...], about("how strongly each of them is, by default 1")] = ()
    adapters: Annotated[dict[Name, Text], about("LoRA adapters that a request may choose: their names and files")] = (
        field(default_factory=dict)
    )
    batch_completion_size: Annotated[Positive, about("jobs whose steps take turns; the others wait in the queue")] = 1
    options: ImageOptions = ImageOptions()

    def faults(self) -> Iterator[tuple[tuple[str, ...], str]]:
        yield from super().faults()
        if self.lora_scales and len(self.lora_scales) != len(self.lora_paths):
            yield ("lora_scales", "lora_paths"), "'lora_scales' must hold one number for each of 'lora_paths'"


class ImageGenerationEntry(ImageEntry, frozen=True, kw_only=True, tag="image-generation"):
    """A model that makes pictures."""

    config_name: Annotated[
        ImageGeneration, about("the kind of model, of one that edits by default `flux-kontext-dev`")
    ] = "flux-schnell"


class ImageEditEntry(ImageEntry, frozen=True, kw_only=True, tag="image-edit"):
    """A model that edits pictures."""

    config_name: Annotated[ImageEdit, about("the kind of model")] = "flux-kontext-dev"


class FakeOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the fake engine behaves."""

    step_ms: Annotated[float, Meta(ge=0, description="milliseconds of a step")] = 20.0
    load_error: Annotated[Text | None, about("what it says instead of starting")] = None
    journal: Annotated[Text | None, about("a file for which job began in which process")] = None
    bytes: Annotated[Natural, about("memory that it says it takes")] = 0
    load_ms: Annotated[float, Meta(ge=0, description="milliseconds that loading takes")] = 0.0
    row_bytes: Annotated[Natural, about("memory that a row says it takes whose first word is `swell`")] = 0


class FakeEntry(ModelEntry, frozen=True, kw_only=True, tag="fake"):
    """No model, for measuring and breaking the queue."""

    context_length: Annotated[Positive | None, about("what `GET /v1/models` says of it")] = None
    batch_completion_size: Annotated[Positive, about("rows of a step")] = 32
    options: FakeOptions = FakeOptions()


AnyModelEntry: TypeAlias = (
    LmEntry
    | MultimodalEntry
    | EmbeddingsEntry
    | RerankEntry
    | WhisperEntry
    | SpeechToTextEntry
    | TextToSpeechEntry
    | ImageGenerationEntry
    | ImageEditEntry
    | FakeEntry
)
ENTRIES: Mapping[str, type[ModelEntry]] = {str(kind.__struct_config__.tag): kind for kind in get_args(AnyModelEntry)}
MODEL_TYPES = tuple(name for name in ENTRIES if name != "fake")  # that serve anybody
