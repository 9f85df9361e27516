"""The websockets: mutated messages, and frames that are none."""

from __future__ import annotations

import base64
import os
import socket
import struct
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from bench.fuzz import values
from bench.fuzz.bodies import responses
from bench.fuzz.examples import UPGRADE
from bench.fuzz.findings import Finding, Findings
from bench.fuzz.request import Request
from bench.fuzz.world import World
from tests.support.servers import Stack

MESSAGES = 20
_CLOSE, _TEXT = 8, 1


def frame(
    payload: bytes, opcode: int = _TEXT, *, masked: bool = True, first: int = 0x80, length: int | None = None
) -> bytes:
    """A websocket frame (RFC 6455, section 5.2), right or wrong as asked; `length` is what it says it holds."""
    size = len(payload) if length is None else length
    bit = 0x80 if masked else 0
    head = bytes([first | opcode])
    if size < 126:
        head += bytes([bit | size])
    elif size < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", size)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", size)
    if not masked:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))


def follows(world: World, chance: Random) -> dict[str, Any]:
    """What a client says that follows jobs."""
    return chance.choice(
        (
            {"type": "subscribe", "id": world.job(chance), "after": "0-0"},
            {"type": "subscribe", "id": world.batch(chance)},
            {"type": "unsubscribe", "id": world.job(chance)},
            {"type": "ping"},
        )
    )


def creates(world: World, chance: Random) -> dict[str, Any]:
    """What a client says that has responses made."""
    return {
        "type": "response.create",
        **responses.response(world, chance),
        **chance.choice(({}, {"generate": False}, {"stream_id": "a"})),
    }


def speaks(world: World, chance: Random) -> dict[str, Any]:
    """What a client says whose speech is written down."""
    detection = chance.choice((None, {"type": "server_vad", "threshold": 0.1, "silence_duration_ms": 100}))
    kind = chance.choice(("audio/pcm", "audio/pcmu", "audio/pcma"))
    sound = {"format": {"type": kind}, "transcription": {"language": "en"}, "turn_detection": detection}
    audio = base64.b64encode(chance.randbytes(chance.randrange(9000))).decode()
    return chance.choice(
        (
            {"type": "session.update", "session": {"type": "transcription", "audio": {"input": sound}}},
            {"type": "transcription_session.update", "session": {"turn_detection": detection}},
            {"type": "input_audio_buffer.append", "audio": audio},
            {"type": "input_audio_buffer.append", "audio": audio},
            {"type": "input_audio_buffer.commit", "event_id": "x"},
            {"type": "input_audio_buffer.clear"},
        )
    )


# How many connections to each, and what is said there.
ROUTES: dict[str, tuple[int, Callable[[World, Random], dict[str, Any]]]] = {
    "/v1/jobs/stream": (60, follows),
    "/v1/responses": (15, creates),
    "/v1/realtime": (30, speaks),
}


def message(made: dict[str, Any], chance: Random) -> bytes:
    """A message, mostly mutated."""
    sent: object = made
    if chance.random() < 0.8:
        sent = values.mutated(made, chance, (*made, "after", "x"))
    return values.text(sent).encode("utf-8", "surrogatepass")


def spoiled(payload: bytes, chance: Random) -> bytes:
    """A frame that is not what it should be."""
    return chance.choice(
        (
            frame(payload, masked=False),
            frame(payload, 3),
            frame(payload, 2),
            frame(payload, 0),
            frame(payload, 9),
            frame(payload[:200], 9),
            frame(payload, first=0x00),
            frame(payload, first=0xF0),
            frame(payload, length=2**63),
            frame(payload, length=len(payload) + 5),
            frame(b"\xff\xfe"),
            frame(b"a" * 70_000),
            frame(b"a" * 1_100_000),
            frame(b"", _CLOSE),
            frame(b"\x03", _CLOSE),
            frame(b"\x03\xe8" + b"\xff" * 100, _CLOSE),
            frame(b"\xff\xff", _CLOSE),
            os.urandom(50),
        )
    )


def run(stack: Stack, world: World, seed: int, findings: Findings) -> None:
    """Many sockets, each with some messages, and some ended by a frame that is not one."""
    for route, (connections, make) in ROUTES.items():
        chance = Random(f"{seed}/sockets{route}")
        opening = Request(route, "GET", route, headers=UPGRADE).encoded("socket")
        for _ in range(connections):
            frames = [opening, *(frame(message(make(world, chance), chance)) for _ in range(MESSAGES))]
            if chance.random() < 0.6:
                frames.append(spoiled(message(make(world, chance), chance), chance))
            _converse(stack.port, route, frames, findings)


def _converse(port: int, route: str, frames: Sequence[bytes], findings: Findings) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        heard, (opening, *messages) = b"", frames
        try:
            client.sendall(opening)
            heard = client.recv(4096)
            findings.statuses[f"websocket {route}", int(heard[9:12] or b"0")] += 1
            for one in messages:
                client.sendall(one)
            if len(messages) > MESSAGES:  # the last one is none
                client.shutdown(socket.SHUT_WR)
                while piece := client.recv(65536):
                    heard += piece
        except TimeoutError:
            what = "a websocket's client left, and the service did not" if heard else "a websocket is not opened"
            findings.add(Finding(what, route, None))
        except OSError:  # the service was the first to leave
            pass
        if b"internal_error" in heard or b"something went wrong" in heard:
            told = heard[-300:].decode("utf-8", "replace")
            findings.add(Finding("a websocket tells internal_error", route, None, detail=told))
