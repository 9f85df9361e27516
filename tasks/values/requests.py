"""What a job asks of an engine: neutral frozen values, the same whatever HTTP body they came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import msgspec

from tasks.values.blob_ref import BlobRef
from tasks.values.messages import Message


class Constraint(msgspec.Struct, frozen=True):
    """What an answer must look like: a JSON schema, a regular expression, a JSON list of texts, or a Lark grammar.

    `param` is the request's field that holds it, for errors.
    """

    kind: Literal["json_schema", "regex", "choice", "grammar"]
    source: str
    param: str


class Tool(msgspec.Struct, frozen=True, omit_defaults=True):
    """A function that the model may call; `parameters` is the JSON schema of its arguments, an object.

    One that takes nothing but a text, its `input`, may say what that must look like (`form`).
    """

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = {}
    strict: bool = False
    form: Constraint | None = None


class ToolChoice(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether tools are called: if the model wants to, in any case, or, with `name`, this one in any case.

    Without `parallel` an answer holds one call at most.
    """

    mode: Literal["none", "auto", "required"] = "auto"
    name: str | None = None
    parallel: bool = True


class Sampling(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How an answer's tokens are chosen and where it ends; a value of None leaves the choice to the model's defaults.

    `logit_bias` holds (token id, what is added to its logit); `n` is the number of answers to each prompt; `logprobs`
    the number of likeliest alternatives to tell with each token, 0 for the token alone and None for nothing;
    `constraint` is what every answer must look like. Neither the end of a text nor a stop token is said before
    `min_tokens`, and with `ignore_eos` the end never is; `stop_token_ids` end an answer as its own end does.
    `include_stop_str_in_output` leaves what ended it in the text, `skip_special_tokens` takes the model's special
    tokens out. `count_tokens` has every delta say of how many tokens it is made. `adapter` is one that the model lists,
    or none.
    """

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    xtc_probability: float | None = None
    xtc_threshold: float | None = None
    repetition_penalty: float | None = None
    repetition_context_size: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: tuple[tuple[int, float], ...] = ()
    seed: int | None = None
    stop: tuple[str, ...] = ()
    n: int = 1
    logprobs: int | None = None
    constraint: Constraint | None = None
    min_tokens: int = 0
    ignore_eos: bool = False
    stop_token_ids: tuple[int, ...] = ()
    include_stop_str_in_output: bool = False
    skip_special_tokens: bool = False
    count_tokens: bool = False
    adapter: str = ""


SpeechFormat: TypeAlias = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]


class AudioOutput(msgspec.Struct, frozen=True, omit_defaults=True):
    """How an answer is spoken: as which audio, by which voice, None for the model's first, and sampled with `seed`."""

    format: SpeechFormat
    seed: int
    voice: str | None = None


class ChatRequest(Sampling, frozen=True, omit_defaults=True, tag="chat"):
    """Continue a conversation.

    `prefill` says that the last message is the beginning of the answer; `template_options` are the chat template's own
    variables; `thinking_budget` is the most tokens that it may think, before each answer. Without `generation_prompt`
    the prompt does not end with what makes the model answer. What does not fit the model's context is refused, or
    with `truncate` loses its oldest turns. With `replay` the result remembers the deltas that it was told in.
    With `audio` the answer is spoken, too.
    """

    messages: tuple[Message, ...]
    prefill: bool = False
    template_options: Mapping[str, Any] = {}
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    thinking_budget: int | None = None
    generation_prompt: bool = True
    truncate: bool = False
    replay: bool = False
    audio: AudioOutput | None = None


class CompletionRequest(Sampling, frozen=True, omit_defaults=True, tag="completion"):
    """Continue texts, each a string or its token ids; `echo` begins every answer with its prompt.

    Answer `i` of prompt `p` has index `p * n + i`.
    """

    prompts: tuple[str | tuple[int, ...], ...]
    echo: bool = False


class TokenizeRequest(msgspec.Struct, frozen=True, omit_defaults=True, tag="tokenize"):
    """The token ids of a text; `special` adds the tokens that the model wants around every text."""

    text: str
    special: bool = True


class DetokenizeRequest(msgspec.Struct, frozen=True, omit_defaults=True, tag="detokenize"):
    """The text of token ids."""

    tokens: tuple[int, ...]


class RenderRequest(msgspec.Struct, frozen=True, omit_defaults=True, tag="render"):
    """A conversation as the model reads it: the chat template's text and its token ids; fields as in ChatRequest.

    `generation_prompt` adds what makes the model answer.
    """

    messages: tuple[Message, ...]
    prefill: bool = False
    template_options: Mapping[str, Any] = {}
    generation_prompt: bool = True
    tools: tuple[Tool, ...] = ()


class EmbeddingRequest(msgspec.Struct, frozen=True, omit_defaults=True, tag="embedding"):
    """Embed every input, a text or its token ids; `dimensions` cuts the vectors and normalises them again.

    Before a text stands the model's prompt of the name `prompt_name`, or the one for its `input_type`. With `truncate`
    an input is cut at its start or end to `max_tokens`, or to what the model takes, instead of being refused.
    """

    inputs: tuple[str | tuple[int, ...], ...]
    dimensions: int | None = None
    prompt_name: str | None = None
    input_type: Literal["query", "document"] | None = None
    truncate: Literal["start", "end"] | None = None
    max_tokens: int | None = None


class ScoreRequest(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag="score"):
    """Score how well each document answers its query: the only one, or the one in the document's place.

    `instruction` tells a model that reads one what is relevant. What does not fit into the model's context, or has
    more tokens than `max_document_tokens` or `max_pair_tokens`, is refused, or with `truncate` loses the document's
    end. Without `activation` the scores are the model's logits. `query_param` and `document_param` are the request's
    fields, for errors.
    """

    queries: tuple[str, ...]
    documents: tuple[str, ...]
    query_param: str
    document_param: str
    instruction: str | None = None
    truncate: bool = False
    max_document_tokens: int | None = None
    max_pair_tokens: int | None = None
    activation: bool = True

    def place(self, document: int) -> int:
        """Where the query of the document in this place stands."""
        return 0 if len(self.queries) == 1 else document


class VoiceActivity(msgspec.Struct, frozen=True, omit_defaults=True):
    """What counts as speech: from which probability on, seconds of a pause, and seconds around speech to listen to."""

    threshold: float = 0.5
    silence: float = 0.2
    padding: float = 0.3


class TranscriptionRequest(msgspec.Struct, frozen=True, omit_defaults=True, tag="transcription"):
    """Write down the speech in a recording of any container that ffmpeg's libraries read, or translate it to English.

    The model reads `prompt` as what was said before, and `hotwords` in every window. `words` and `logprobs` ask for
    the times of words and the tokens' probabilities. Windows are cut in pauses and heard apart, with `sequential` one
    after the other, each shown the words before it. With `skip_silence` only speech is listened to.
    """

    audio: BlobRef
    language: str | None = None
    prompt: str | None = None
    temperature: float | None = None
    task: Literal["transcribe", "translate"] = "transcribe"
    hotwords: str | None = None
    words: bool = False
    logprobs: bool = False
    sequential: bool = False
    skip_silence: bool = False
    voice: VoiceActivity = VoiceActivity()


class SpeechRequest(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag="speech"):
    """Speak a text; a value of None leaves the choice to the model.

    Passage `i` of the text is sampled with `seed + i`, so that the same request gives the same audio. `speed` is how
    many times as fast as the model speaks by itself; `instructions` say in words how to speak.
    """

    text: str
    seed: int
    voice: str | None = None
    instructions: str | None = None
    speed: float = 1.0
    format: SpeechFormat = "mp3"


class ImageRequest(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag="image"):
    """Make `n` images of a prompt; a value of None leaves the choice to the model.

    Image `i` is drawn with `seed + i`. `images` are edited, or with `strength` (0 to 1: how much of the first one is
    kept) varied, and only where `mask` is transparent or white. `size` is (width, height) in pixels; `previews` are
    told of each image while it is made; `compression` is the quality of JPEG and WebP in percent, as OpenAI has it.
    `strength` is also how strongly images lead a model that they lead. `adapter` is one that the model lists.
    """

    prompt: str
    seed: int
    negative_prompt: str | None = None
    n: int = 1
    size: tuple[int, int] | None = None
    quality: Literal["low", "medium", "high"] | None = None
    steps: int | None = None
    guidance: float | None = None
    images: tuple[BlobRef, ...] = ()
    mask: BlobRef | None = None
    strength: float | None = None
    format: Literal["png", "jpeg", "webp"] = "png"
    compression: int = 100
    previews: int = 0
    transparent: bool = False
    adapter: str = ""


Payload: TypeAlias = (
    ChatRequest
    | CompletionRequest
    | TokenizeRequest
    | DetokenizeRequest
    | RenderRequest
    | EmbeddingRequest
    | ScoreRequest
    | TranscriptionRequest
    | SpeechRequest
    | ImageRequest
)


def blobs(payload: Payload) -> tuple[BlobRef, ...]:
    """The blobs that a payload needs, so that its record can own them."""
    if isinstance(payload, ImageRequest):
        return (*payload.images, *([payload.mask] if payload.mask else []))
    if isinstance(payload, TranscriptionRequest):
        return (payload.audio,)
    turns = payload.messages if isinstance(payload, ChatRequest | RenderRequest) else ()
    return tuple(media.blob for turn in turns for media in turn.media)
