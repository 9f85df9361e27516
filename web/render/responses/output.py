"""From an answer's deltas to a response's items, and the events that tell how each of them comes to be."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, TypeAlias, TypeVar

from tasks.values.events import CallDelta, Delta, TokenLogprob
from tasks.values.job import Job
from tasks.values.messages import ToolCall
from web.render.text import custom_calls
from web.render.text import shared as text

Event: TypeAlias = dict[str, Any]
SEALED = "mlxq-"  # what thinking begins with that a client sends back
_PREFIXES = {
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "function_call_output": "fco",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
    "compaction": "cmp",
}


def item_id(kind: str, job_id: str, place: int | str) -> str:
    """The id of a job's item of this type, in this place of its output or input."""
    return f"{_PREFIXES[kind]}_{job_id.removeprefix('job_')}_{place}"


def sealed(thinking: str) -> str:
    """Thinking in a form that a client keeps and need not read."""
    return SEALED + base64.urlsafe_b64encode(thinking.encode()).decode()


class Item:
    """An item while it is streamed: `shown` is what it holds so far. The methods yield events."""

    kind: ClassVar[str]

    def __init__(self, job: Job, number: int, **more: Any) -> None:
        self._number = number
        self.shown: dict[str, Any] = {
            "id": item_id(self.kind, job.id, number),
            "type": self.kind,
            "status": "in_progress",
            **more,
        }

    def begin(self) -> Iterator[Event]:
        """Add the item to the output."""
        yield self._event("output_item.added", item=dict(self.shown))

    def end(self, status: str) -> Iterator[Event]:
        """End the item with its final status."""
        self.shown["status"] = status
        yield self._event("output_item.done", item=dict(self.shown))

    def _event(self, name: str, **more: Any) -> Event:
        return {"type": f"response.{name}", "output_index": self._number, **more}

    def _within(self, name: str, **more: Any) -> Event:
        return self._event(name, item_id=self.shown["id"], **more)


class Message(Item):
    """What the model says, with its tokens' log probabilities."""

    kind = "message"

    def __init__(self, job: Job, number: int) -> None:
        super().__init__(job, number, role="assistant", content=[])
        self._text, self._tokens = "", list[TokenLogprob]()

    def begin(self) -> Iterator[Event]:
        """Add the item, which is still empty."""
        yield from super().begin()
        yield self._within("content_part.added", content_index=0, part=self._part())

    def add(self, more: str, tokens: Sequence[TokenLogprob]) -> Iterator[Event]:
        """Add text."""
        self._text += more
        self._tokens += tokens
        yield self._within("output_text.delta", content_index=0, delta=more, logprobs=_brief(tokens))

    def end(self, status: str) -> Iterator[Event]:
        """End the text and the item."""
        yield self._within("output_text.done", content_index=0, text=self._text, logprobs=_brief(self._tokens))
        yield self._within("content_part.done", content_index=0, part=self._part())
        self.shown["content"] = [self._part()]
        yield from super().end(status)

    def _part(self) -> dict[str, Any]:
        tokens = [{**_token(token), "top_logprobs": list(map(_token, token.top))} for token in self._tokens]
        return {"type": "output_text", "text": self._text, "annotations": [], "logprobs": tokens}


class Thinking(Item):
    """What the model thinks, as a text of its own."""

    kind = "reasoning"

    def __init__(self, job: Job, number: int) -> None:
        super().__init__(job, number, summary=[], content=[])
        self._text = ""
        self._seals = job.options.response is not None and job.options.response.sealed

    def begin(self) -> Iterator[Event]:
        """Add the item, which is still empty."""
        yield from super().begin()
        yield self._within("content_part.added", content_index=0, part=self._part())

    def add(self, more: str) -> Iterator[Event]:
        """Add thinking."""
        self._text += more
        yield self._within("reasoning_text.delta", content_index=0, delta=more)

    def end(self, status: str) -> Iterator[Event]:
        """End the thinking and the item."""
        yield from self._over(status)
        if self._seals:
            self.shown["encrypted_content"] = sealed(self._text)
        yield from super().end(status)

    def _over(self, status: str) -> Iterator[Event]:
        del status
        yield self._within("reasoning_text.done", content_index=0, text=self._text)
        yield self._within("content_part.done", content_index=0, part=self._part())
        self.shown["content"] = [self._part()]

    def _part(self) -> dict[str, Any]:
        return {"type": "reasoning_text", "text": self._text}


class Summary(Thinking):
    """What the model thinks, as the summary that a client asked for."""

    def begin(self) -> Iterator[Event]:
        """Add the item, which is still empty."""
        yield from Item.begin(self)
        yield self._within("reasoning_summary_part.added", summary_index=0, part=self._part())

    def add(self, more: str) -> Iterator[Event]:
        """Add thinking."""
        self._text += more
        yield self._within("reasoning_summary_text.delta", summary_index=0, delta=more)

    def _over(self, status: str) -> Iterator[Event]:
        cut = {"status": "incomplete"} if status == "incomplete" else {}
        yield self._within("reasoning_summary_text.done", summary_index=0, text=self._text)
        yield self._within("reasoning_summary_part.done", summary_index=0, part=self._part(), **cut)
        self.shown["summary"] = [self._part()]

    def _part(self) -> dict[str, Any]:
        return {"type": "summary_text", "text": self._text}


class FunctionCall(Item):
    """A function that the model calls."""

    kind = "function_call"

    def __init__(self, job: Job, number: int, call: CallDelta) -> None:
        super().__init__(job, number, call_id=call.id, **_called(job, call.name), arguments="")
        self.call = call.number

    def add(self, more: str) -> Iterator[Event]:
        """Add to the arguments."""
        self.shown["arguments"] += more
        yield self._within("function_call_arguments.delta", delta=more)

    def end(self, status: str) -> Iterator[Event]:
        """End the arguments and the item."""
        yield self._within("function_call_arguments.done", arguments=self.shown["arguments"])
        yield from super().end(status)


class CustomCall(Item):
    """A custom tool that the model calls: its text is sent as a whole, once all arguments are there."""

    kind = "custom_tool_call"

    def __init__(self, job: Job, number: int, call: CallDelta) -> None:
        super().__init__(job, number, call_id=call.id, **_called(job, call.name), input="")
        del self.shown["status"]  # which OpenAI's have not
        self.call, self._arguments = call.number, ""

    def add(self, more: str) -> Iterator[Event]:
        """Add to the arguments, which hold the text."""
        self._arguments += more
        yield from ()

    def end(self, status: str) -> Iterator[Event]:
        """Send the text, and end the item."""
        del status
        text = custom_calls.text(ToolCall("", "", self._arguments))
        self.shown["input"] = text
        yield self._within("custom_tool_call_input.delta", delta=text)
        yield self._within("custom_tool_call_input.done", input=text)
        yield self._event("output_item.done", item=dict(self.shown))


def _called(job: Job, name: str) -> dict[str, str]:
    """A tool's name, and its namespace if it has one."""
    namespace = job.options.namespaces.get(name)
    return {"name": name} if namespace is None else {"name": name.removeprefix(f"{namespace}."), "namespace": namespace}


Kind = TypeVar("Kind", bound=Item)


class Output:
    """The items of one answer: each begins when something of it comes, and is over when something else does."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._custom = frozenset(job.options.custom_tools)
        response = job.options.response
        self._thinking = Summary if response is not None and response.summarised else Thinking
        self._items: list[Item] = []
        self._over = True
        self._waiting: list[TokenLogprob] = []  # of text that is still to come

    @property
    def items(self) -> list[dict[str, Any]]:
        """How they stand."""
        return [dict(item.shown) for item in self._items]

    def take(self, delta: Delta) -> Iterator[Event]:
        """What happens with more of the answer, and with its end if that comes with it."""
        if delta.reasoning:
            thinking = self._last(self._thinking)
            if thinking is None:
                thinking = self._thinking(self._job, len(self._items))
                yield from self._begin(thinking)
            yield from thinking.add(delta.reasoning)
        if delta.text:
            message = self._last(Message)
            if message is None:
                message = Message(self._job, len(self._items))
                yield from self._begin(message)
            yield from message.add(delta.text, (*self._waiting, *delta.logprobs))
        # The tokens of a character that is not complete yet come before its text; those of thinking and calls do not.
        self._waiting = [] if delta.text or delta.reasoning or delta.calls else [*self._waiting, *delta.logprobs]
        for call in delta.calls:
            yield from self._call(call)
        if delta.finish_reason is not None:
            yield from self._end("incomplete" if delta.finish_reason == "length" else "completed")

    def _call(self, delta: CallDelta) -> Iterator[Event]:
        call = self._last(FunctionCall) or self._last(CustomCall)
        if call is None or call.call != delta.number:
            kind = CustomCall if delta.name in self._custom else FunctionCall
            call = kind(self._job, len(self._items), delta)
            yield from self._begin(call)
        if delta.arguments:
            yield from call.add(delta.arguments)

    def _last(self, kind: type[Kind]) -> Kind | None:
        """The item that is being told, if it is of a kind."""
        last = None if self._over else self._items[-1]
        return last if isinstance(last, kind) else None

    def _begin(self, item: Item) -> Iterator[Event]:
        yield from self._end("completed")
        self._items.append(item)
        self._over = False
        yield from item.begin()

    def _end(self, status: str) -> Iterator[Event]:
        if not self._over:
            self._over = True
            yield from self._items[-1].end(status)


def _brief(tokens: Sequence[TokenLogprob]) -> list[dict[str, Any]]:
    """Tokens as events tell them, without their bytes."""
    return [
        {"token": token.token, "logprob": text.logprob(token), "top_logprobs": [_named(other) for other in token.top]}
        for token in tokens
    ]


def _named(token: TokenLogprob) -> dict[str, Any]:
    return {"token": token.token, "logprob": text.logprob(token)}


def _token(token: TokenLogprob) -> dict[str, Any]:
    return {**_named(token), "bytes": list(base64.b64decode(token.bytes))}
