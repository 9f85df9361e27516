"""Many clients with spoiled requests, each made from the seed and its number alone but for the ids in it."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from random import Random

from flask import Flask

from bench.fuzz import bounds, mutations
from bench.fuzz.bodies.chats import CHAT, chat
from bench.fuzz.examples import EXAMPLES, Example
from bench.fuzz.findings import DEFECTS, Finding, Findings, smaller, wrong
from bench.fuzz.request import Form, Part, Request
from bench.fuzz.sender import Answer, Sender
from bench.fuzz.watch import Watch
from bench.fuzz.world import World, line
from web import registry

TRIES = 60  # requests to make a finding smaller
SAMPLE = 60  # findings that are looked at more closely


def rules() -> set[tuple[str, str]]:
    """Every rule of the application with each of its methods that is not answered by Flask alone."""
    app = Flask("rules", static_folder=None)
    for blueprint in registry.blueprints():
        app.register_blueprint(blueprint)
    return {(rule.rule, method) for rule in app.url_map.iter_rules() for method in rule.methods - {"HEAD", "OPTIONS"}}


class Campaign:
    """A number of requests against one address."""

    def __init__(self, host: str, port: int, world: World, seed: int, watch: Watch) -> None:
        self._address, self._world, self._seed, self._watch = (host, port), world, seed, watch
        self.findings = Findings()
        self._weights = [example.weight for example in EXAMPLES]

    def prepare(self) -> None:
        """Ask each example that has a weight once: then there are ids to ask about, and files of lines for batches."""
        sender, chance = Sender(*self._address), Random(self._seed)
        for number in range(4):
            lines = "\n".join(line(at, CHAT, chat(self._world, chance)) for at in range(3)).encode()
            parts = (Part("purpose", b"batch"), Part("file", lines, "a.jsonl", "application/jsonl"))
            answer = sender.send(Request("/v1/files", "POST", "/v1/files", body=Form(parts)), f"lines-{number}")
            assert answer.status == 200, answer.body
            self._world.learn(answer)
            self._world.inputs.append(self._world.files[-1])
        for number, example in enumerate(one for one in EXAMPLES if one.weight):
            request = bounds.tame(example.make(self._world, chance), self._world)
            self._ask(sender, request, f"example-{number}")
        sender.close()

    def request(self, number: int) -> Request:
        """The request of this number."""
        chance = Random(f"{self._seed}/{number}")
        example: Example = chance.choices(EXAMPLES, self._weights)[0]
        request = example.make(self._world, chance)
        return bounds.tame(mutations.spoiled(request, chance), self._world)

    def run(self, count: int, clients: int) -> float:
        """Ask so many times; returns the seconds that it took."""
        began, numbers = time.monotonic(), iter(range(count))
        lock = threading.Lock()

        def client() -> None:
            sender = Sender(*self._address)
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    break
                self._ask(sender, self.request(number), f"fuzz-{number}")
            sender.close()

        with ThreadPoolExecutor(clients) as pool:
            for client_ in [pool.submit(client) for _ in range(clients)]:
                client_.result()
        return time.monotonic() - began

    def _ask(self, sender: Sender, request: Request, number: str) -> Answer:
        answer = sender.send(request, number)
        self.findings.note(request, number, answer)
        self._world.learn(answer)
        return answer

    def found(self) -> list[Finding]:
        """Every finding once, with as small a request as a few tries find; ends the watch."""
        self._look_at_jobs()
        time.sleep(1)  # what was said last
        self._watch.stop()
        found = [self._with_request(one) for one in self.findings.explained(self._watch.troubles(), self._watch.deaths)]
        return [*filter(None, map(self._shrunk, found[:SAMPLE])), *found[SAMPLE:]]

    def _look_at_jobs(self) -> None:
        """Find the failed jobs whose failure nobody was told: those polled later, and those whose client left."""
        sender = Sender(*self._address)
        for kind in ("sync", "batch", ""):
            more, after = True, ""
            while more:
                asked = {"status": "failed", "limit": "100", "include": kind, "after": after}
                query = tuple((name, value) for name, value in asked.items() if value)
                page = json.loads(sender.send(Request("/v1/jobs", "GET", "/v1/jobs", query=query), "jobs").body)
                for job in page["data"]:
                    if job["error"]["code"] in DEFECTS:
                        self.findings.add(
                            Finding(
                                f"a job failed: {job['error']['code']}",
                                job["endpoint"],
                                None,
                                job["id"],
                                json.dumps(job),
                            )
                        )
                more, after = page["has_more"], page["data"][-1]["id"] if page["data"] else ""
        sender.close()

    def _with_request(self, finding: Finding) -> Finding:
        name, _, number = finding.number.partition("-")
        made = finding.request is None and name == "fuzz" and number.isdigit()
        return replace(finding, request=self.request(int(number))) if made else finding

    def _shrunk(self, finding: Finding) -> Finding | None:
        """The same finding with as small a request as a few tries find; None when only the load made it slow."""
        if finding.request is None or finding.request.wire is not None:
            return finding
        sender = Sender(*self._address)
        try:
            if finding.slow:
                alone = sender.send(finding.request, f"{finding.number}-alone")
                return finding if wrong(finding.request, alone) == finding.what else None
            left = itertools.count(TRIES, -1)
            while found := self._smaller(finding, sender, left):
                finding = found
            return finding
        finally:
            sender.close()

    def _smaller(self, finding: Finding, sender: Sender, left: Iterator[int]) -> Finding | None:
        assert finding.request is not None
        for rest, candidate in zip(left, smaller(finding.request), strict=False):
            if rest <= 0:
                return None
            number = f"{finding.number.partition(':')[0]}:{rest}"
            if self._same(finding, candidate, sender.send(candidate, number), number):
                return replace(finding, request=candidate, number=number)
        return None

    def _same(self, finding: Finding, request: Request, answer: Answer, number: str) -> bool:
        what = wrong(request, answer)
        if what is None or not finding.what.startswith(what):
            return False
        if what == finding.what:
            return True
        until = time.monotonic() + 1  # its traceback comes another way
        while time.monotonic() < until:
            if said := [trouble.said for trouble in self._watch.troubles() if trouble.number == number]:
                return finding.what == f"{what}: traceback: {said[0]}"
            time.sleep(0.02)
        return False
