"""Batches of mutated lines: every line ends, and none of them as a defect of ours."""

from __future__ import annotations

import json
from random import Random

import httpx
import msgspec

from bench.fuzz import bounds, values
from bench.fuzz.bodies.chats import CHAT, COMPLETIONS, TOOL, chat, completion, guided
from bench.fuzz.bodies.vectors import EMBEDDINGS, embedding
from bench.fuzz.findings import DEFECTS, Finding, Findings
from bench.fuzz.mutations import NAMES
from bench.fuzz.request import ADMIN, Json, Request
from bench.fuzz.world import World, line
from tests.support.servers import Stack, eventually

KINDS = {CHAT: chat, COMPLETIONS: completion, EMBEDDINGS: embedding}
WELL, BROKEN, LINES = 6, 24, 50  # batches of mutated bodies, batches with a line that is none, lines of each
ENDED = ("completed", "failed", "expired", "cancelled")
WITHIN = 120.0  # seconds for all of them


def mutated(number: int, url: str, world: World, chance: Random) -> str:
    """A line whose body is spoiled."""
    make = guided if url == CHAT and chance.random() < 0.2 else KINDS[url]
    body = values.mutated(make(world, chance), chance, NAMES[url])
    tamed = bounds.tame(Request(url, "POST", url, body=Json(body)), world).body
    assert isinstance(tamed, Json)
    if not isinstance(tamed.value, dict):  # such a line fails its batch; there are batches for that
        return line(number, url, {"model": world.text})
    text = values.text({"custom_id": f"line-{number}", "method": "POST", "url": url, "body": tamed.value})
    try:
        msgspec.json.decode(text.encode())
    except (ValueError, RecursionError):  # the same
        return line(number, url, {"model": world.text})
    return text


def broken(number: int, url: str, world: World, chance: Random) -> bytes:
    """A line that is spoiled itself."""
    whole = {"custom_id": f"line-{number}", "method": "POST", "url": url, "body": {"model": "fake", "tools": [TOOL]}}
    text = values.text(values.mutated(whole, chance, ("custom_id", "method", "url", "body"))).encode(
        "utf-8", "surrogatepass"
    )
    return chance.choice(
        (
            text,
            text,
            text,
            text[: chance.randrange(len(text) + 1)],
            b"\xff\xfe",
            b"",
            b" ",
            b"[]",
            b"\xef\xbb\xbf" + text,
        )
    )


def run(stack: Stack, world: World, seed: int, findings: Findings) -> None:
    """Upload, run, and look at every line of what came of it."""
    chance = Random(f"{seed}/batches")
    with httpx.Client(base_url=stack.url, timeout=30, headers={"Authorization": f"Bearer {ADMIN}"}) as http:
        made = []
        for at in range(WELL + BROKEN):
            url = list(KINDS)[at % len(KINDS)]
            lines = [mutated(number, url, world, chance).encode() for number in range(LINES if at < WELL else 4)]
            if at >= WELL:
                lines[chance.randrange(4)] = broken(9, url, world, chance)
            sent = http.post(
                "/v1/files", files={"file": ("a.jsonl", b"\n".join(lines))}, data={"purpose": "batch"}
            ).json()
            body = {"input_file_id": sent["id"], "endpoint": url, "completion_window": "24h"}
            made.append(http.post("/v1/batches", json=body).json()["id"])
        for batch in made:
            try:
                found = eventually(lambda batch=batch: _ended(http, batch), WITHIN, every=0.2)
            except AssertionError:
                findings.add(
                    Finding("a batch does not end", "/v1/batches", None, detail=http.get(f"/v1/batches/{batch}").text)
                )
                continue
            for file in (found["output_file_id"], found["error_file_id"]):
                # Strings may hold what else Python takes for the end of a line.
                told = http.get(f"/v1/files/{file}/content").content.strip().split(b"\n") if file else []
                for one in told:
                    _look(json.loads(one), found["endpoint"], findings)


def _ended(http: httpx.Client, batch: str) -> dict[str, object] | None:
    found: dict[str, object] = http.get(f"/v1/batches/{batch}").json()
    return found if found["status"] in ENDED else None


def _look(told: dict[str, dict[str, object]], url: str, findings: Findings) -> None:
    answer = told.get("response") or {}
    findings.statuses[f"batch line {url}", int(str(answer.get("status_code") or 0))] += 1
    code = (told.get("error") or {}).get("code")
    body = answer.get("body")
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        code = body["error"].get("code")
    if code in DEFECTS:
        findings.add(Finding(f"a batch's line ends in {code}", url, None, detail=json.dumps(told)[:500]))
