"""The jobs' websocket: mutated messages, and frames that are none."""

from __future__ import annotations

import os
import socket
import struct
from random import Random

from bench.fuzz import values
from bench.fuzz.examples import UPGRADE
from bench.fuzz.findings import Finding, Findings
from bench.fuzz.request import Request
from bench.fuzz.world import World
from tests.servers import Stack

ROUTE = "/v1/jobs/stream"
CONNECTIONS, MESSAGES = 60, 20
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


def message(world: World, chance: Random) -> bytes:
    """Something that a client says."""
    said = chance.choice(
        (
            {"type": "subscribe", "id": world.job(chance), "after": "0-0"},
            {"type": "subscribe", "id": world.batch(chance)},
            {"type": "unsubscribe", "id": world.job(chance)},
            {"type": "ping"},
        )
    )
    if chance.random() < 0.8:
        said = values.mutated(said, chance, ("type", "id", "after", "x"))
    return values.text(said).encode("utf-8", "surrogatepass")


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
            frame(b"", _CLOSE),
            frame(b"\x03", _CLOSE),
            frame(b"\x03\xe8" + b"\xff" * 100, _CLOSE),
            frame(b"\xff\xff", _CLOSE),
            os.urandom(50),
        )
    )


def run(stack: Stack, world: World, seed: int, findings: Findings) -> None:
    """Many sockets, each with some messages, and some ended by a frame that is none."""
    chance = Random(f"{seed}/sockets")
    opening = Request(ROUTE, "GET", ROUTE, headers=UPGRADE).encoded("socket")
    for _ in range(CONNECTIONS):
        with socket.create_connection(("127.0.0.1", stack.port), timeout=10) as client:
            heard = b""
            try:
                client.sendall(opening)
                heard = client.recv(4096)
                findings.statuses[f"websocket {ROUTE}", int(heard[9:12] or b"0")] += 1
                for _ in range(MESSAGES):
                    client.sendall(frame(message(world, chance)))
                if chance.random() < 0.6:
                    client.sendall(spoiled(message(world, chance), chance))
                    client.shutdown(socket.SHUT_WR)
                    while piece := client.recv(65536):
                        heard += piece
            except TimeoutError:
                what = "a websocket's client left, and the service did not" if heard else "a websocket is not opened"
                findings.add(Finding(what, ROUTE, None))
            except OSError:  # the service was the first to leave
                pass
            if b"internal_error" in heard or b"something went wrong" in heard:
                told = heard[-300:].decode("utf-8", "replace")
                findings.add(Finding("a websocket tells internal_error", ROUTE, None, detail=told))
