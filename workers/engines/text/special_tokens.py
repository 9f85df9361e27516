"""What people write stays text: only a chat template's own special tokens are read as such.

A template makes one string of a conversation, in which `<|im_end|>` ends a turn whoever wrote it. So what users wrote
is marked while the template runs: where the text of a special token begins in it, the first character is replaced by
one for private use. That survives what templates do (they trim, cut, compare and write JSON) and is put back before
the text is tokenised, by a tokenizer that knows special tokens by other names. Conversations without such text are
rendered and tokenised as they are.
"""

from __future__ import annotations

import copy
import json
import re
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

import msgspec
import structlog
from tokenizers import AddedToken

from tasks.values.errors import InvalidValue
from tasks.values.messages import Message, ToolCall
from tasks.values.requests import ChatRequest, RenderRequest, Tool
from workers.tokenisation import Encoder

Request = TypeVar("Request", bound=ChatRequest | RenderRequest)
Render: TypeAlias = Callable[[Request, Sequence[Tool]], str]
# How special tokens look that their tokenizer does not call special, such as Qwen's <|fim_prefix|> and <tool_call>.
_MARKUP = re.compile(r"<[|｜].*[|｜]>|[|｜]\w+[|｜]|</?\w*_\w*>|</?think(ing)?>")
_PRIVATE = re.compile("[\U00100000-\U0010fffd]")
# A mark as JSON may write it, and as Python shows it; the backslashes are doubled where that stands in JSON again.
_ESCAPED = re.compile(r"(\\+)(?:u(db[c-f][0-9a-f])(\\+)u(d[c-f][0-9a-f]{2})|U00(10[0-9a-f]{4}))")
_NEVER = "(?!)"  # a pattern that matches nothing
log = structlog.get_logger()


class Rendered(NamedTuple):
    """A conversation as its template wrote it, with marks in what users wrote.

    `marks` are the code points of the marks, and the characters that they stand for.
    """

    marked: str
    marks: Mapping[int, str] = {}

    @property
    def text(self) -> str:
        """The same without marks."""
        return self.marked.translate(self.marks) if self.marks else self.marked


def protected(tokenizer: Any, template: str, markers: Iterable[str] = ()) -> list[AddedToken]:
    """The tokens that users do not write: special by their tokenizer's word, by their look, or by their use.

    Other tokens with a fixed text, such as Gemma's line breaks and HTML tags, are ways to write text.
    """
    written = "\n".join((template, *markers))
    return [
        token
        for token in tokenizer.added_tokens_decoder.values()
        if not token.content.isspace()
        and (token.special or _MARKUP.fullmatch(token.content) or token.content in written)
    ]


class SpecialTokens:
    """The special tokens that only a chat template may write; any thread may ask.

    `markers` stand around thinking, as do tokens that say so. Templates look for them in an assistant's turn, to leave
    old thoughts out, so they find the last of each there; and an answer whose beginning is given may think.
    """

    def __init__(self, encoder: Encoder, tokens: Iterable[AddedToken], markers: Iterable[str] = ()) -> None:
        self._encoder = encoder
        self._tokens = {token.content: token for token in tokens}
        texts = sorted(self._tokens, key=len, reverse=True)  # of two that begin alike the longer one counts
        self._any = re.compile("|".join(map(re.escape, texts)) or _NEVER)
        first = "".join(re.escape(char) for char in sorted({text[0] for text in texts}))
        self._begins = re.compile(f"(?=[{first}])(?={self._any.pattern})" if texts else _NEVER)
        thinking = {*markers, *(text for text in texts if "think" in text)}
        self._thinking = re.compile("|".join(map(re.escape, sorted(thinking, key=len, reverse=True))) or _NEVER)
        self._beginnings = {text[:size] for text in texts for size in range(1, len(text))}
        self._endings = {text[size:] for text in texts for size in range(1, len(text))}
        self._longest = max(map(len, texts), default=0)
        self._building = threading.Lock()
        self._built = encoder.backend is None
        self._renamed: _Renamed | None = None

    def __contains__(self, text: str) -> bool:
        return text in self._tokens

    def rendered(self, request: Request, tools: Sequence[Tool], render: Render[Request]) -> Rendered:
        """What `render` makes of a conversation and its tools, with marks in what users wrote."""
        marks = _Marks(self, request, tools)
        marked, marked_tools = marks.request(request, thinking=False), marks.tools(tools)
        if not marks.made:
            return Rendered(render(request, tools))
        rendered = marks.rendered(render(marked, marked_tools))
        if not any(turn.role == "assistant" and self._thinking.search(turn.content) for turn in request.messages):
            return rendered
        try:
            thinking = marks.rendered(render(marks.request(request, thinking=True), marked_tools))
        except InvalidValue:
            return rendered
        return rendered if rendered.text == thinking.text else thinking

    def hidden(self, rendered: Rendered) -> bool:
        """Whether users wrote what a tokenizer that sees no marks would take for special tokens."""
        return bool(rendered.marks) and self._any.findall(rendered.text) != self._any.findall(rendered.marked)

    def tokens(self, rendered: Rendered) -> list[int]:
        """The token ids of a rendered conversation, special ones only where they are not marked."""
        if not self.hidden(rendered):
            return self._encoder.ids(rendered.text, special=False)
        if (renamed := self._renaming()) is not None:
            return renamed.ids(self._any, rendered)
        # Cut behind the first character of what must not be one token.
        cut = re.split("(?<=[{}])".format("".join(map(chr, rendered.marks))), rendered.marked)
        return [token for piece in cut for token in self._encoder.ids(piece.translate(rendered.marks), special=False)]

    def _renaming(self) -> _Renamed | None:
        """A copy of the tokenizer, made for the first who needs it; None where there can be none."""
        with self._building:
            if not self._built:
                self._built = True
                try:
                    self._renamed = _Renamed(self._encoder.backend, self._tokens)
                except Exception as error:
                    log.info("special tokens in users' texts are cut, as the tokenizer has no copy", reason=str(error))
        return self._renamed

    def places(self, text: str, *, thinking: bool = False) -> set[int]:
        """Where special tokens begin in a text; with `thinking`, not the last ones that stand around thoughts."""
        if not self._any.search(text):
            return set()
        places = {match.start() for match in self._begins.finditer(text)}
        if thinking:
            last = {match[0]: match.span() for match in self._thinking.finditer(text)}
            places = places.difference(*(range(*span) for span in last.values()))
        return places

    def edges(self, text: str) -> Iterator[int]:
        """Where a text's beginning and end are parts of special tokens, which what stands beside it may complete."""
        start, end = len(text) - len(text.lstrip()), len(text.rstrip())
        for size in range(1, min(self._longest, end - start + 1)):
            if text[start : start + size] in self._endings:
                yield start
            if text[end - size : end] in self._beginnings:
                yield end - size


class _Marks:
    """The marks in one request; they are characters that it does not hold itself."""

    def __init__(self, special: SpecialTokens, request: ChatRequest | RenderRequest, tools: Sequence[Tool]) -> None:
        self._special, self._request, self._tools = special, request, tools
        self._marks: dict[str, str] = {}
        self._unused: Iterator[str] | None = None

    @property
    def made(self) -> bool:
        """Whether anything is marked."""
        return bool(self._marks)

    def rendered(self, text: str) -> Rendered:
        """A text that a template made of what was marked."""
        marks = {ord(mark): char for char, mark in self._marks.items()}
        return Rendered(_ESCAPED.sub(lambda match: _unescaped(match, marks), text), marks)

    def request(self, request: Request, *, thinking: bool) -> Request:
        """A conversation with marks; with `thinking`, assistants' thoughts have their markers."""
        turns = [self._message(turn, thinking and turn.role == "assistant") for turn in request.messages]
        if request.prefill:
            turns[-1] = self._message(request.messages[-1], thinking=True)
        options = self._value(request.template_options)
        return msgspec.structs.replace(request, messages=tuple(turns), template_options=options)

    def tools(self, tools: Sequence[Tool]) -> tuple[Tool, ...]:
        """Tools with marks."""
        return tuple(
            Tool(self._text(tool.name), self._text(tool.description), self._value(tool.parameters), tool.strict)
            for tool in tools
        )

    def _message(self, message: Message, thinking: bool) -> Message:
        content = self._special.places(message.content, thinking=thinking) | {*self._special.edges(message.content)}
        reasoning = self._special.places(message.reasoning) | {*self._special.edges(message.reasoning)}
        return msgspec.structs.replace(
            message,
            content=self._marked(message.content, content),
            reasoning=self._marked(message.reasoning, reasoning),
            name=None if message.name is None else self._text(message.name),
            call_id=None if message.call_id is None else self._text(message.call_id),
            calls=tuple(
                ToolCall(self._text(call.id), self._text(call.name), self._arguments(call.arguments))
                for call in message.calls
            ),
        )

    def _arguments(self, text: str) -> str:
        """A JSON text; templates take it apart, and then its escapes are characters."""
        if "\\" in text:
            try:
                value = msgspec.json.decode(text)
                if (marked := self._value(value)) != value:
                    return json.dumps(marked, ensure_ascii=False)
            except (msgspec.DecodeError, RecursionError):  # which is shown as it is
                pass
        return self._text(text)

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return {self._text(key): self._value(inner) for key, inner in value.items()}
        return [self._value(inner) for inner in value] if isinstance(value, list | tuple) else value

    def _text(self, text: str) -> str:
        return self._marked(text, self._special.places(text))

    def _marked(self, text: str, places: set[int]) -> str:
        if not places:
            return text
        pieces, done = [], 0
        for place in sorted(places):
            pieces += [text[done:place], self._mark(text[place])]
            done = place + 1
        return "".join([*pieces, text[done:]])

    def _mark(self, char: str) -> str:
        if char not in self._marks:
            if self._unused is None:
                used = set(_PRIVATE.findall(msgspec.json.encode((self._request, self._tools)).decode()))
                self._unused = (mark for mark in map(chr, range(0x100000, 0x10FFFE)) if mark not in used)
            self._marks[char] = next(self._unused)
        return self._marks[char]


class _Renamed:
    """A copy of a tokenizer to which its special tokens are text, and which has them by names that nobody can guess.

    Raises an exception of any kind where that cannot be.
    """

    def __init__(self, backend: Any, tokens: Mapping[str, AddedToken]) -> None:
        key = secrets.token_hex(8)
        self._names = {text: f"<{key}:{number}>" for number, text in enumerate(tokens)}
        self._own = own = copy.deepcopy(backend)
        own.encode_special_tokens = True
        own.add_special_tokens([AddedToken(text, special=True) for text in tokens])
        own.add_tokens(
            [
                AddedToken(
                    self._names[text],
                    single_word=token.single_word,
                    lstrip=token.lstrip,
                    rstrip=token.rstrip,
                    normalized=token.normalized,
                )
                for text, token in tokens.items()
            ]
        )
        self._ids = {own.token_to_id(name): backend.token_to_id(text) for text, name in self._names.items()}
        spelled = own.encode_batch_fast(list(tokens), add_special_tokens=False)
        if any(backend.token_to_id(text) in encoding.ids for text, encoding in zip(tokens, spelled, strict=True)):
            raise ValueError("its own vocabulary holds their texts")

    def ids(self, special: re.Pattern[str], rendered: Rendered) -> list[int]:
        """The token ids of a rendered conversation."""
        named = special.sub(lambda match: self._names[match[0]], rendered.marked).translate(rendered.marks)
        (encoded,) = self._own.encode_batch_fast([named], add_special_tokens=False)
        return [self._ids.get(token, token) for token in encoded.ids]


def _unescaped(match: re.Match[str], marks: Mapping[int, str]) -> str:
    """A mark for its escapes; backslashes before it that are not its own stay."""
    before, high, own, low, shown = match.groups()
    if shown is not None:
        code, own = int(shown, 16), "\\" if len(before) % 2 else "\\\\"
    else:
        code = 0x10000 + ((int(high, 16) & 0x3FF) << 10) + (int(low, 16) & 0x3FF)
    return f"{before.removesuffix(own)}{chr(code)}" if code in marks and before.endswith(own) else match[0]
