"""What must not be: collected once a kind, with the request that shows it."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.fuzz import values
from bench.fuzz.request import Form, Json, Request
from bench.fuzz.sender import Answer
from bench.fuzz.watch import Trouble
from web.http import anthropic
from web.http.errors import ANSWERS

SLOW = 10.0  # seconds
LATE = f"took longer than {SLOW:g} s"
DEFECTS = frozenset({"internal_error", "engine_error", "poison"})  # codes that no request may come to
_LATER = {code for code, answer in ANSWERS.items() if answer.status in (503, 504)}
_LATER |= {anthropic.type_of(status) for status in (503, 504, 529)}


def wrong(request: Request, answer: Answer) -> str | None:
    """What is wrong with an answer, in words that are the same for the same kind."""
    if answer.seconds > SLOW and request.whole:
        return LATE
    if answer.status == 0:
        return None if answer.left or not request.whole else f"no answer: {_short(answer.body.decode())}"
    if answer.status >= 500 and not (answer.status in (503, 504, 529) and answer.code in _LATER):
        return f"{answer.status} {answer.code}" if answer.code else _bare(answer)
    if answer.text:
        return _bare(answer)
    if answer.status < 400 and answer.code:
        return f"{answer.status} that tells {answer.code}"
    return None


def _bare(answer: Answer) -> str:
    """An answer that no envelope holds, by what the server in front says of it."""
    said = answer.body.decode(errors="replace").partition("</h1>")[2].partition("</body>")[0]
    return f"{answer.status} without our envelope: {_short(re.sub('&#x27;.*&#x27;|&quot;.*&quot;', '…', said.strip()))}"


def _short(text: str) -> str:
    return re.sub(r"\d+", "…", text)[:80]


@dataclass
class Finding:
    """One kind of wrong, the first request that showed it, and how many did."""

    what: str
    route: str
    request: Request | None
    number: str = ""
    detail: str = ""
    times: int = 1

    def __str__(self) -> str:
        return f"{self.route}: {self.what} ({self.times}×)"

    @property
    def key(self) -> tuple[str, str]:
        """What makes two findings the same: a traceback is the same on every route."""
        return "" if "traceback: " in self.what else self.route, self.what

    @property
    def slow(self) -> bool:
        """Whether it is about time alone."""
        return self.what == LATE


@dataclass
class Findings:
    """All of them, and what came back by route and status."""

    seen: dict[tuple[str, str, str], Finding] = field(default_factory=dict)
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    slowest: tuple[float, str] = (0.0, "")  # seconds, and the request's number
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _numbers: dict[str, Request] = field(default_factory=dict)

    def note(self, request: Request, number: str, answer: Answer) -> None:
        """Count an answer, and keep it when it is wrong."""
        what = wrong(request, answer)
        with self._lock:
            self.statuses[f"{request.method if request.method.isupper() else '?'} {request.route}", answer.status] += 1
            if request.whole:
                self.slowest = max(self.slowest, (answer.seconds, f"{number} {request.route}"))
            if what is None:
                return
            self._numbers[number] = request
            # Each 500 is kept by itself until its traceback says which of them are one.
            unlike = number if answer.status == 500 else ""
            route = request.route if answer.ours else "before the application"
            self.add(Finding(what, route, request, number, answer.body[:300].decode(errors="replace")), unlike)

    def add(self, finding: Finding, unlike: str = "") -> None:
        """Keep a finding, or count it."""
        key = (*finding.key, unlike)
        if key in self.seen:
            self.seen[key].times += 1
        else:
            self.seen[key] = finding

    def explained(self, troubles: Iterable[Trouble], deaths: Iterable[str]) -> list[Finding]:
        """Every finding once: an answer and the traceback behind it are one."""
        behind = {trouble.number: trouble for trouble in troubles if trouble.number}
        found: dict[tuple[str, str], Finding] = {}
        told = set()
        for finding in self.seen.values():
            if trouble := behind.get(finding.number):
                told.add(trouble.said)
                finding = replace(finding, what=f"{finding.what}: traceback: {trouble.said}", detail=trouble.text)
            _merge(found, finding)
        for trouble in troubles:
            if trouble.said not in told:
                request = self._numbers.get(trouble.number)
                _merge(
                    found, Finding(f"traceback: {trouble.said}", trouble.process, request, trouble.number, trouble.text)
                )
        for death in deaths:
            _merge(found, Finding("a process died", re.sub(r"pid \d+", "pid", death), None))
        return list(found.values())


def _merge(found: dict[tuple[str, str], Finding], finding: Finding) -> None:
    if finding.key in found:
        found[finding.key].times += finding.times
    else:
        found[finding.key] = finding


def smaller(request: Request) -> Iterator[Request]:
    """The same request with one thing less, largest things first."""
    for at in range(len(request.headers)):
        yield replace(request, headers=request.headers[:at] + request.headers[at + 1 :])
    for at in range(len(request.query)):
        yield replace(request, query=request.query[:at] + request.query[at + 1 :])
    if isinstance(request.body, Form):
        for at in range(len(request.body.parts)):
            yield replace(request, body=Form(request.body.parts[:at] + request.body.parts[at + 1 :]))
    if isinstance(request.body, Json) and not isinstance(request.body.value, values.Pairs):
        for place in sorted((one for one in values.places(request.body.value) if one), key=len):
            yield replace(request, body=Json(values.without(request.body.value, place)))
        for place in values.places(request.body.value):
            old = values.at(request.body.value, place)
            if isinstance(old, str) and len(old) > 8 and not isinstance(old, values.Literal):
                yield replace(request, body=Json(values.put(request.body.value, place, old[: len(old) // 2])))
            if isinstance(old, list) and len(old) > 4:
                yield replace(request, body=Json(values.put(request.body.value, place, old[: len(old) // 2])))


def written(finding: Finding, number: int, folder: Path) -> Path | None:
    """The request as a file of bytes that can be sent as they are, if there is one."""
    if finding.request is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{number}.http"
    path.write_bytes(finding.request.encoded(finding.number or "fuzz"))
    return path
