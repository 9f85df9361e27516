"""Those who ask for something while processes die, and what each of them was told."""

from __future__ import annotations

import io
import re
import threading
import time
import wave
from functools import cache
from typing import NamedTuple

import httpx
import jiwer

from tests.faults.bulk import HUNG, LOST
from tests.faults.clients import Call, Clients, expected
from tests.support import recordings
from tests.support.servers import eventually

SPEECH = "whisper-tiny.en"
OK, UNENDED = "ok", "ended amid its answer"
LIMIT = 90.0  # seconds without a byte after which a client has been left alone


class Told(NamedTuple):
    """What somebody was told in the end (an error's code, or one of the words above); `right` is about the text."""

    who: str  # "stream", "recording", "job", "line"; "poll" and "probe" for those who ask meanwhile
    how: str = OK
    right: bool = True


class Polled:
    """A job whose client polls it, whatever happens, until it has its result."""

    def __init__(self, clients: Clients, text: str, tokens: int) -> None:
        self._clients, self._expected = clients, expected(text, tokens)
        self.job_id = clients.submit(text, tokens)
        self.told: list[Told] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self, until: float) -> None:
        """Wait for the result until then (monotonic seconds), and no longer."""
        self._thread.join(max(0.0, until - time.monotonic()))
        self._stopped.set()
        if self._thread.is_alive():
            self.told.append(Told("job", HUNG))

    def _run(self) -> None:
        while not self._stopped.wait(1.0):
            found = self._get("")
            if found is None or found.json()["status"] in ("queued", "running"):
                continue
            if found.json()["status"] != "succeeded":
                self.told.append(Told("job", str(found.json()["error"]["code"])))
                return
            if answer := self._get("/result"):
                text = answer.json()["choices"][0]["message"]["content"]
                self.told.append(Told("job", right=text == self._expected))
                return

    def _get(self, what: str) -> httpx.Response | None:
        try:
            found = self._clients.http.get(f"/v1/jobs/{self.job_id}{what}")
        except httpx.TimeoutException:
            self.told.append(Told("poll", HUNG))
        except httpx.TransportError:
            self.told.append(Told("poll", LOST))
        else:
            if found.status_code == 200:
                return found
            self.told.append(Told("poll", str(found.json()["error"]["code"])))
        return None


class Probe:
    """One who asks short questions, one after the other, until the trouble is over and all is right again."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self.told: list[Told] = []
        self.again: float | None = None  # monotonic seconds
        self._lifted, self._stopped = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def lifted(self) -> None:
        """From here on all may be right again."""
        self._lifted.set()

    def end(self, until: float) -> None:
        """Wait for all to be right again until then (monotonic seconds), and no longer."""
        self._thread.join(max(0.0, until - time.monotonic()))
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            over = self._lifted.is_set() and self._ready()
            call = self._clients.call("probe", 3)
            assert call.thread is not None
            call.thread.join()
            self.told.append(heard("probe", call, expected("probe", 3)))
            if over and self.told[-1] == Told("probe"):
                self.again = time.monotonic()
                return
            self._stopped.wait(0.25)

    def _ready(self) -> bool:
        try:
            return self._clients.http.get("/ready").status_code == 200
        except httpx.TransportError:
            return False


def heard(who: str, call: Call, text: str) -> Told:
    """What the client of a call was told that should have become this text."""
    if call.hung or not call.ended:
        return Told(who, HUNG, text.startswith(call.text))
    if call.broken:
        return Told(who, LOST, text.startswith(call.text))
    if call.error is not None:
        return Told(who, str(call.error["code"]), text.startswith(call.text))
    whole = call.done or who == "probe"  # only streams say that they are done
    return Told(who, OK if whole else UNENDED, call.text == text)


@cache
def recorded(seconds: float) -> tuple[bytes, str]:
    """A recording of at least so many seconds (WAV), and its words."""
    said, target = [], io.BytesIO()
    with wave.open(target, "wb") as out:
        while out.getnframes() < seconds * 16_000:
            path, words = recordings.librivox()[len(said) % 5]
            with wave.open(str(path)) as file:
                if not said:
                    out.setparams(file.getparams())
                out.writeframes(file.readframes(file.getnframes()))
            said.append(words)
    return target.getvalue(), " ".join(said)


class Dictation:
    """A client that waits for what is said in a recording."""

    def __init__(self, clients: Clients, seconds: float) -> None:
        self._url, (self._recording, self._said) = clients.stack.url, recorded(seconds)
        self.told = Told("recording", HUNG)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        store = clients.store
        claims = store.keys.claims(SPEECH)
        self.job_id: str = eventually(lambda: store.redis.hkeys(claims), within=LIMIT, every=0.1)[0].decode()

    def _run(self) -> None:
        file = {"file": ("speech.wav", self._recording)}
        url = f"{self._url}/v1/audio/transcriptions"
        try:
            response = httpx.post(url, files=file, data={"model": SPEECH}, timeout=4 * LIMIT)
        except httpx.TimeoutException:
            return
        except httpx.TransportError:
            self.told = Told("recording", LOST)
            return
        if response.status_code != 200:
            self.told = Told("recording", str(response.json()["error"]["code"]))
            return
        words = " ".join(re.findall(r"[a-z']+", response.json()["text"].lower()))
        self.told = Told("recording", right=jiwer.wer(self._said, words) < 0.3)
