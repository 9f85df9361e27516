"""The answers of chats, completions and embeddings, and of what looks at prompts."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import UNSET, UnsetType

from schemas.answers.base import Answer

FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "function_call"]


class PromptTokensDetails(Answer, frozen=True):
    """Tokens of the prompt that did not have to be computed."""

    cached_tokens: int


class CompletionTokensDetails(Answer, frozen=True):
    """Tokens of the answer that were thinking, and of its audio where it was spoken."""

    reasoning_tokens: int
    audio_tokens: int | UnsetType = UNSET


class CompletionUsage(Answer, frozen=True):
    """Tokens that were read and written; only chats tell the details of what was written."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails
    completion_tokens_details: CompletionTokensDetails | UnsetType = UNSET


class ToolCallFunction(Answer, frozen=True):
    """The function to call, and its arguments as JSON that a model wrote, which may be cut off."""

    name: str
    arguments: str


class CustomToolCall(Answer, frozen=True):
    """The custom tool to call, and the text that it is given."""

    name: str
    input: str


class ChatCompletionMessageToolCall(Answer, frozen=True):
    """A tool that the model calls: a function, or a custom tool."""

    id: str
    type: Literal["function", "custom"]
    function: ToolCallFunction | UnsetType = UNSET
    custom: CustomToolCall | UnsetType = UNSET


class TopLogprob(Answer, frozen=True):
    """A token, its natural log probability and its bytes."""

    token: str
    logprob: float
    bytes: list[int]


class ChatCompletionTokenLogprob(TopLogprob, frozen=True):
    """A token of the answer, and the likeliest ones in its place."""

    top_logprobs: list[TopLogprob]


class ChatLogprobs(Answer, frozen=True):
    """The log probabilities of an answer's tokens, or of those that a chunk tells."""

    content: list[ChatCompletionTokenLogprob]
    refusal: None


class ChatCompletionResponseAudio(Answer, frozen=True):
    """An answer that was spoken: its audio in base64, what is said in it, and until when it is known by its id."""

    id: str
    data: str
    expires_at: int
    transcript: str


class ChatCompletionResponseMessage(Answer, frozen=True):
    """What the model says, thinks and calls; `content` is null when it calls tools and says nothing.

    It is null, too, when the answer is spoken: its text is the transcript of the `audio`.
    A request with `functions` gets a `function_call` instead of `tool_calls`.
    """

    role: Literal["assistant"]
    content: str | None
    refusal: None
    annotations: list[None]
    reasoning_content: str | UnsetType = UNSET
    tool_calls: list[ChatCompletionMessageToolCall] | UnsetType = UNSET
    function_call: ToolCallFunction | UnsetType = UNSET
    audio: ChatCompletionResponseAudio | UnsetType = UNSET


class ChatChoice(Answer, frozen=True):
    """One of the `n` answers."""

    index: int
    message: ChatCompletionResponseMessage
    logprobs: ChatLogprobs | None
    finish_reason: FinishReason


class CreateChatCompletionResponse(Answer, frozen=True):
    """The answers of a chat."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChatChoice]
    usage: CompletionUsage


class ChunkFunction(Answer, frozen=True):
    """A function's name, once, and more of its arguments."""

    arguments: str
    name: str | UnsetType = UNSET


class ChatCompletionMessageToolCallChunk(Answer, frozen=True):
    """More of a function's call, whose id, type and name come first and once; or all of a custom tool's."""

    index: int
    function: ChunkFunction | UnsetType = UNSET
    custom: CustomToolCall | UnsetType = UNSET
    id: str | UnsetType = UNSET
    type: Literal["function", "custom"] | UnsetType = UNSET


class ChatCompletionAudioChunk(Answer, frozen=True):
    """More of an answer that is spoken: its id with the first of the transcript, and then one field at a time."""

    id: str | UnsetType = UNSET
    transcript: str | UnsetType = UNSET
    data: str | UnsetType = UNSET
    expires_at: int | UnsetType = UNSET


class ChatCompletionStreamResponseDelta(Answer, frozen=True):
    """More of an answer: one of its fields at a time, after the first that says the role."""

    role: Literal["assistant"] | UnsetType = UNSET
    content: str | UnsetType | None = UNSET
    reasoning_content: str | UnsetType = UNSET
    tool_calls: list[ChatCompletionMessageToolCallChunk] | UnsetType = UNSET
    function_call: ChunkFunction | UnsetType = UNSET
    audio: ChatCompletionAudioChunk | UnsetType = UNSET


class ChatChunkChoice(Answer, frozen=True):
    """More of one of the `n` answers; the last tells why it ends."""

    index: int
    delta: ChatCompletionStreamResponseDelta
    logprobs: ChatLogprobs | None
    finish_reason: FinishReason | None


class CreateChatCompletionStreamResponse(Answer, frozen=True):
    """A chunk of a chat; with `include_usage` the last has the usage and no choice, and the others null or so far."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChatChunkChoice]
    usage: CompletionUsage | UnsetType | None = UNSET


class CompletionLogprobs(Answer, frozen=True):
    """The log probabilities of a text's tokens; a prompt's first token has none."""

    tokens: list[str]
    token_logprobs: list[float | None]
    top_logprobs: list[dict[str, float] | None]
    text_offset: list[int]


class CompletionChoice(Answer, frozen=True):
    """One of the answers, the prompts' one after the other, or more of it; it has no reason until it ends."""

    index: int
    text: str
    logprobs: CompletionLogprobs | None
    finish_reason: FinishReason | None


class CreateCompletionResponse(Answer, frozen=True):
    """The answers to prompts, and each chunk of their stream."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: CompletionUsage | UnsetType | None = UNSET


class RenderedChat(Answer, frozen=True):
    """A conversation's prompt as text and token ids."""

    prompt: str
    tokens: list[int]
    count: int


class TokenizeResponse(Answer, frozen=True):
    """Token ids, their number, and the longest that the model takes."""

    tokens: list[int]
    count: int
    max_model_len: int | None


class DetokenizeResponse(Answer, frozen=True):
    """The text of token ids."""

    prompt: str


class Embedding(Answer, frozen=True):
    """The vector of an input: numbers, or base64 of float32 (little endian)."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class EmbeddingUsage(Answer, frozen=True):
    """Tokens of all inputs, and of those whose vectors were kept."""

    prompt_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails


class CreateEmbeddingResponse(Answer, frozen=True):
    """The vectors of all inputs in their order."""

    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: EmbeddingUsage
