"""What a model's chat template takes, found out by giving it small conversations to render.

Templates differ in what they show of a conversation, and in what they refuse; none says so but by its text. Each probe
holds words that nothing else holds: a template that renders it without them leaves out what they stand for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple, TypeAlias

Turn: TypeAlias = dict[str, Any]
Render: TypeAlias = Callable[[Sequence[Turn], Sequence[Mapping[str, Any]] | None], str]

_THOUGHTS = ("reasoning_content", "reasoning", "thinking", "thought")
_LONG, _SHORT = ("call_0123456789abcdef01234567", "call_fedcba9876543210fedcba98"), ("abcdefgh0", "abcdefgh1")
_SYSTEM: Turn = {"role": "system", "content": "qsystem"}
_USER: Turn = {"role": "user", "content": "quser"}


def template_text(tokenizer: Any) -> str:
    """A tokenizer's chat template as text, the one for tools where there are several; empty where there is none."""
    template = getattr(tokenizer, "chat_template", None)
    if isinstance(template, dict):
        template = template.get("tool_use") or template.get("default")
    return template if isinstance(template, str) else ""


class TemplateSupport(NamedTuple):
    """What a template takes of a conversation.

    `system`: it shows a system turn. `calls`, `results`: it shows calls and tools' results. `objects`: a call's
    arguments are taken apart by it. `short_ids`: an id has nine letters and digits. `parallel`: a turn may hold several
    calls. `beside`: it may hold content beside them, `both` content and thinking. `no_tools`: where there are none it
    wants an empty list. `thoughts` are the names under which it looks for what was thought.
    """

    system: bool = True
    calls: bool = True
    results: bool = True
    objects: bool = True
    short_ids: bool = False
    parallel: bool = True
    beside: bool = True
    both: bool = True
    no_tools: bool = False
    thoughts: tuple[str, ...] = _THOUGHTS[:1]


def probe(template: str, render: Render, objects: bool) -> TemplateSupport:
    """What a template takes; `objects` is what its format of calls would have."""
    thoughts = tuple(key for key in _THOUGHTS if re.search(rf"""[.'"]{key}\b""", template)) or _THOUGHTS[:1]
    no_tools = not _shows(render, [_USER], "quser") and _shows(render, [_USER], "quser", no_tools=True)
    system = _shows(render, [_SYSTEM, _USER], "qsystem", no_tools=no_tools)
    support = TemplateSupport(system=system, no_tools=no_tools, thoughts=thoughts)
    for short, as_objects in product((False, True), (objects, not objects)):
        form = support._replace(objects=as_objects, short_ids=short)
        if _shows(render, [_USER, _calling(form, 1), *_results(form, 1)], "qcall0", "qkey0", "qvalue0"):
            return _calls(form, render)
    form = support._replace(calls=False)
    reply: Turn = {"role": "assistant", "content": "qcall0"}
    return form._replace(results=_shows(render, [_USER, reply, *_results(form, 1)], "qresult0"))


def _calls(form: TemplateSupport, render: Render) -> TemplateSupport:
    """What a template that shows a call takes beside one."""
    two = ("qcall0", "qvalue0", "qcall1", "qvalue1", "qresult0", "qresult1")
    thought = dict.fromkeys(form.thoughts, "qthought")
    content: Turn = {**_calling(form, 1), "content": "qcontent"}
    return form._replace(
        results=_shows(render, [_USER, _calling(form, 1), *_results(form, 1)], "qresult0"),
        parallel=_shows(render, [_USER, _calling(form, 2), *_results(form, 2)], *two),
        beside=_shows(render, [_USER, content, *_results(form, 1)], "qcall0", "qcontent"),
        both=_shows(render, [_USER, {**content, **thought}, *_results(form, 1)], "qcall0"),
    )


def _shows(render: Render, turns: Sequence[Turn], *words: str, no_tools: bool = False) -> bool:
    """Whether a template renders these turns with all of these words, as they are."""
    try:
        called = any("tool_calls" in turn for turn in turns)
        text = render(turns, [_tool(0), _tool(1)] if called else [] if no_tools else None)
    except Exception:  # whatever a template does with what it does not expect
        return False
    return all(word in text for word in words) and '\\"qkey' not in text


def _tool(at: int) -> Turn:
    schema = {"type": "object", "properties": {f"qproperty{at}": {"type": "string", "description": ""}}, "required": []}
    return {"type": "function", "function": {"name": f"qtool{at}", "description": "", "parameters": schema}}


def _calling(form: TemplateSupport, calls: int) -> Turn:
    ids = _SHORT if form.short_ids else _LONG
    return {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {
                "id": ids[at],
                "type": "function",
                "function": {
                    "name": f"qcall{at}",
                    "arguments": {f"qkey{at}": f"qvalue{at}"} if form.objects else f'{{"qkey{at}": "qvalue{at}"}}',
                },
            }
            for at in range(calls)
        ],
    }


def _results(form: TemplateSupport, calls: int) -> list[Turn]:
    ids = _SHORT if form.short_ids else _LONG
    return [
        {"role": "tool", "content": f"qresult{at}", "name": f"qcall{at}", "tool_call_id": ids[at]}
        for at in range(calls)
    ]
