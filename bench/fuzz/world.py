"""What requests can be about: the models that are served, and what there is by now, from jobs to conversations."""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass, field
from random import Random

from bench.fuzz.sender import Answer

_ID = re.compile(rb'"id":\s*"((?:job_|file-|batch_|msgbatch_|key_|resp_|conv_|chatcmpl-)[\w-]+)"')
_LINK = re.compile(rb'"url":\s*"https?://[^/"]+(/v1/images/content/[^"]+)"')


def _recent() -> deque[str]:
    return deque(maxlen=200)


@dataclass
class World:
    """Models by what they do, and ids that answers told; `inputs` are files of lines for batches."""

    text: str = "fake"
    chat: str = "fake"  # a real one where there is one
    vectors: str = "fake"
    speech: str = "none"
    drawing: str = "none"
    editing: str = "none"
    jobs: deque[str] = field(default_factory=_recent)
    files: deque[str] = field(default_factory=_recent)
    batches: deque[str] = field(default_factory=_recent)
    messages: deque[str] = field(default_factory=_recent)  # batches of them
    keys: deque[str] = field(default_factory=_recent)
    responses: deque[str] = field(default_factory=_recent)
    completions: deque[str] = field(default_factory=_recent)
    conversations: deque[str] = field(default_factory=_recent)
    links: deque[str] = field(default_factory=_recent)
    inputs: list[str] = field(default_factory=list)

    @property
    def real(self) -> frozenset[str]:
        """The models that cost time."""
        return frozenset({self.chat, self.vectors, self.speech, self.drawing, self.editing}) - {self.text}

    @property
    def _pools(self) -> dict[str, deque[str]]:
        return {
            "job_": self.jobs,
            "file": self.files,
            "batc": self.batches,
            "msgb": self.messages,
            "key_": self.keys,
            "resp": self.responses,
            "chat": self.completions,
            "conv": self.conversations,
        }

    def learn(self, answer: Answer) -> None:
        """Remember what an answer tells of."""
        if answer.job:
            self.jobs.append(answer.job)
        if answer.status in (200, 202):
            for found in _ID.findall(answer.body[:20_000])[:5]:
                name = found.decode()
                if self._stays(name, answer):
                    self._pools[name[:4]].append(name)
            self.links.extend(found.decode() for found in _LINK.findall(answer.body[:20_000]))

    def _stays(self, name: str, answer: Answer) -> bool:
        """Whether what an answer tells of can be asked for again: of chat completions only those with metadata can."""
        if name.startswith("resp_"):
            return b'"store":false' not in answer.body
        return not name.startswith("chatcmpl-") or b'"metadata"' in answer.body

    def job(self, chance: Random) -> str:
        """Some job's id."""
        return chance.choice(tuple(self.jobs) or ("job_none",))

    def file(self, chance: Random) -> str:
        """Some file's id."""
        return chance.choice((*self.files, *self.inputs) or ("file-none",))

    def batch(self, chance: Random) -> str:
        """Some batch's id."""
        return chance.choice(tuple(self.batches) or ("batch_none",))

    def message_batch(self, chance: Random) -> str:
        """Some id of a batch of messages."""
        return chance.choice(tuple(self.messages) or ("msgbatch_none",))

    def response(self, chance: Random) -> str:
        """Some response's id."""
        return chance.choice(tuple(self.responses) or ("resp_none",))

    def key(self, chance: Random) -> str:
        """Some key's id."""
        return chance.choice(tuple(self.keys) or ("key_none",))

    def completion(self, chance: Random) -> str:
        """Some stored chat completion's id."""
        return chance.choice(tuple(self.completions) or ("chatcmpl-none",))

    def conversation(self, chance: Random) -> str:
        """Some conversation's id."""
        return chance.choice(tuple(self.conversations) or ("conv_none",))

    def lines(self, chance: Random) -> str:
        """Some file of lines."""
        return chance.choice(self.inputs or ["file-none"])


def line(number: int, url: str, body: object) -> str:
    """A line of a batch's file."""
    return json.dumps({"custom_id": f"line-{number}", "method": "POST", "url": url, "body": body})
