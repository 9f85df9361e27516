"""Chats as every system is asked for them, and what all systems that chat have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import psutil

from bench.client import Body, Heard, calls, streams

TEMPERATURE = 0.8  # of chats with a seed; the others are greedy


@dataclass(frozen=True)
class Chat:
    """A question with at most so many tokens of answer; drawn with a seed, or held to a JSON schema."""

    question: str
    tokens: int
    system: str | None = None
    seed: int | None = None
    schema: Mapping[str, Any] | None = None

    @property
    def messages(self) -> list[dict[str, str]]:
        """As the API and chat templates take them."""
        system = [] if self.system is None else [{"role": "system", "content": self.system}]
        return [*system, {"role": "user", "content": self.question}]

    def body(self, model: str) -> Body:
        """A streaming request to OpenAI's API."""
        body: dict[str, Any] = {
            "model": model,
            "messages": self.messages,
            "max_tokens": self.tokens,
            "temperature": 0.0 if self.seed is None else TEMPERATURE,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if self.seed is not None:
            body["seed"] = self.seed
        if self.schema is not None:
            form = {"name": "answer", "schema": self.schema, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        return body


class Speaker(Protocol):
    """A system that chats; `lacks` names what it cannot do ("guided")."""

    @property
    def name(self) -> str: ...

    @property
    def lacks(self) -> Sequence[str]: ...

    def chats(self, chats: Sequence[Chat]) -> list[Heard]:
        """What so many clients heard that asked at the same moment."""
        ...

    def warm(self, chat: Chat) -> None:
        """Have the prompt of this chat in the prompt cache, as far as there is one."""
        ...

    def memory(self) -> float | None:
        """Bytes of memory private to the model's process; None when the model runs in this process."""
        ...


class Embedder(Protocol):
    """A system that embeds."""

    @property
    def name(self) -> str: ...

    def embed(self, clients: Sequence[Iterable[str]], seconds: float) -> list[float]:
        """Seconds of each call, a text each, of clients that ask one after the other until so many have passed."""
        ...


@dataclass(frozen=True)
class Server:
    """A started server; `pid` is the process that it and all its children are found by."""

    name: str
    url: str
    model: str
    pid: int
    lacks: Sequence[str] = ()
    embeddings: str = "/v1/embeddings"

    def chats(self, chats: Sequence[Chat]) -> list[Heard]:
        """Over HTTP, a connection each."""
        return streams(self.url, [chat.body(self.model) for chat in chats])

    def warm(self, chat: Chat) -> None:
        """Ask it once."""
        self.chats([chat])

    def embed(self, clients: Sequence[Iterable[str]], seconds: float) -> list[float]:
        """Over HTTP, a connection a client."""
        bodies = [({"model": self.model, "input": text} for text in texts) for texts in clients]
        return calls(self.url, self.embeddings, bodies, seconds)

    def memory(self) -> float | None:
        """Of the largest process of the server."""
        root = psutil.Process(self.pid)
        return max(_own(one) for one in (root, *root.children(recursive=True)))


def _own(process: psutil.Process) -> int:
    """Bytes that only this process has, or all that it has in memory where the system tells no more, as macOS."""
    try:
        return int(process.memory_full_info().uss)
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
