"""The server as the commands see it: HTTP with patience, and its errors in one line."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any

import click
import httpx

from mlxq.cli.bulk.files import replacing

FAILED, UNREACHABLE, INTERRUPTED = 1, 3, 130  # exit codes beside 0 (done) and 2 (wrong usage)
QUICK, PATIENT = 4.0, 600.0  # seconds of trouble that a question and that work under way ride out
_TRIED_AGAIN = frozenset({408, 429, 502, 503, 504})
_TIMEOUT = httpx.Timeout(600, connect=5)  # the server reads 50,000 lines before it answers
_LONGEST_PAUSE = 30.0

Json = dict[str, Any]


class ServerError(click.ClickException):
    """The server cannot be reached, or refused a call; `code`, `param` and `status` as it said them."""

    exit_code = UNREACHABLE

    def __init__(self, message: str, *, status: int = 0, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.param = status, code, param


class AnswerLost(ServerError):
    """A call that must not be made twice was not answered."""


class RequestsFailed(click.ClickException):
    """Some or all requests of a piece of work have no answer."""

    exit_code = FAILED


class Client:
    """Calls of one server with one key; `patience` is for how many seconds each rides out trouble."""

    def __init__(self, url: str, key: str | None) -> None:
        if not url.startswith(("http://", "https://")):
            raise click.UsageError(f"MLXQ_URL must start with http:// or https://, and is '{url}'")
        self.url = url.rstrip("/").removesuffix("/v1")
        self.key = key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=_TIMEOUT)
        self.patience = QUICK

    def get(self, path: str, **params: Any) -> Json:
        """A JSON object, asked for with these parameters, without those that are None."""
        given = {name: value for name, value in params.items() if value is not None}
        return self._json(lambda: self._http.get(path, params=given))

    def post(self, path: str, body: Json | None = None, *, once: bool = False, key: str | None = None) -> Json:
        """The answer to a JSON body, which may be sent again; the server takes what has the same `key` for one call.

        `once`: raises AnswerLost when the server may have got it and did not answer.
        """
        headers = {} if key is None else {"Idempotency-Key": key}

        def send() -> httpx.Response:
            try:
                return self._http.post(path, json=body or {}, headers=headers)
            except httpx.ConnectError:
                raise
            except httpx.TransportError as error:
                if once:
                    raise AnswerLost(f"{self.url} did not answer ({error}), and may have got the call") from None
                raise

        return self._json(send)

    def upload(self, path: Path, purpose: str, name: str | None = None, keep: int | None = None) -> str:
        """The id of a file sent to /v1/files, read as it goes; the server has it for `keep` seconds."""
        fields = {"purpose": purpose}
        if keep is not None:
            fields |= {"expires_after[anchor]": "created_at", "expires_after[seconds]": str(keep)}

        def send() -> httpx.Response:
            with path.open("rb") as file:
                return self._http.post("/v1/files", data=fields, files={"file": (name or path.name, file)})

        return str(self._json(send)["id"])

    def download(self, path: str, to: Path) -> None:
        """Write what is at `path` to a file, which is there when all of it is."""

        def save() -> httpx.Response:
            with replacing(to) as file, self._http.stream("GET", path) as response:
                if response.is_error:
                    response.read()
                    raise _Refused(response)
                for piece in response.iter_bytes():
                    file.write(piece)
            return response

        self._patiently(save)

    def copy(self, path: str, write: Callable[[bytes], object]) -> None:
        """Hand on what is at `path` piece by piece; what was handed on cannot be asked for again."""
        try:
            with self._http.stream("GET", path) as response:
                if response.is_error:
                    response.read()
                    raise refusal(response)
                for piece in response.iter_bytes():
                    write(piece)
        except httpx.TransportError as error:
            raise self._unreachable(error) from None

    def lines(self, path: str, **params: Any) -> Iterator[str]:
        """What is at `path` line by line as it comes, asked for with these parameters, without those that are None."""
        given = {name: value for name, value in params.items() if value is not None}
        try:
            with self._http.stream("GET", path, params=given) as response:
                if response.is_error:
                    response.read()
                    raise refusal(response)
                yield from response.iter_lines()
        except httpx.TransportError as error:
            raise self._unreachable(error) from None

    def stream(self, path: str, body: Json) -> Iterator[Json]:
        """The chunks of an answer as they come; ServerError also when it breaks off with an error."""
        try:
            with self._http.stream("POST", path, json=body) as response:
                if response.is_error:
                    response.read()
                    raise refusal(response)
                for line in response.iter_lines():
                    if line.startswith("data: ") and line != "data: [DONE]":
                        yield _chunk(line.removeprefix("data: "))
        except httpx.TransportError as error:
            raise self._unreachable(error) from None

    def pieces(self, path: str, body: Json) -> Iterator[bytes]:
        """The bytes of an answer as they come; ServerError also when it breaks off."""
        try:
            with self._http.stream("POST", path, json=body) as response:
                if response.is_error:
                    response.read()
                    raise refusal(response)
                yield from response.iter_bytes()
        except httpx.RemoteProtocolError as error:
            raise ServerError(f"the answer broke off: {error}") from None
        except httpx.TransportError as error:
            raise self._unreachable(error) from None

    def forget(self, path: str) -> None:
        """Delete what is no longer needed, if the server lets us."""
        with suppress(ServerError, httpx.TransportError):
            self._http.delete(path)

    def pages(self, path: str, **params: Any) -> Iterator[Json]:
        """Every entry of a list, page after page."""
        after = None
        while True:
            page = self.get(path, after=after, **params)
            yield from page["data"]
            if not page.get("has_more") or not page["data"]:
                return
            after = page["data"][-1]["id"]

    def model(self, endpoint: str) -> str:
        """The only model that serves an endpoint; click.UsageError names them if there are several, or says none."""
        fits = [model["id"] for model in self.get("/v1/models")["data"] if endpoint in model.get("endpoints", ())]
        if len(fits) != 1:
            raise click.UsageError(
                f"give --model; {endpoint} is served by {', '.join(fits)}" if fits else f"no model serves {endpoint}"
            )
        return str(fits[0])

    def _json(self, call: Callable[[], httpx.Response]) -> Json:
        response = self._patiently(call)
        try:
            body = response.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise ServerError(f"{self.url} does not speak this API: {response.text[:80]!r}")
        return body

    def _patiently(self, call: Callable[[], httpx.Response]) -> httpx.Response:
        until, pause, announced = time.monotonic() + self.patience, 0.25, False
        while True:
            trouble: ServerError
            try:
                response = call()
                if not response.is_error:
                    return response
                trouble, asked = refusal(response), _asked_to_wait(response)
            except _Refused as refused:
                trouble, asked = refusal(refused.response), _asked_to_wait(refused.response)
            except httpx.TransportError as error:
                trouble, asked = self._unreachable(error), pause
            wait = None if asked is None else max(asked, pause)
            if wait is None or time.monotonic() + wait > until:
                raise trouble from None
            if pause >= 2 and self.patience > QUICK and not announced:
                click.echo(f"{trouble.message}; trying again for {self.patience:.0f} s", err=True)
                announced = True
            time.sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _unreachable(self, error: httpx.TransportError) -> ServerError:
        return ServerError(f"nothing answers at {self.url} ({error}); `mlxq launch` starts a server, MLXQ_URL names it")


def _chunk(text: str) -> Json:
    chunk: Json = json.loads(text)
    if error := chunk.get("error"):
        raise ServerError(f"the answer broke off: {error.get('message')} ({error.get('code')})", code=error.get("code"))
    return chunk


class _Refused(Exception):
    """Carries an error answer out of a stream."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response


def refusal(response: httpx.Response) -> ServerError:
    """An error answer in one line."""
    try:
        error = response.json()["error"]
        message, code, param = str(error["message"]), error.get("code"), error.get("param")
    except (ValueError, KeyError, TypeError, AttributeError):
        message, code, param = f"{response.reason_phrase}: {response.text[:200]}", None, None
    named = f" ({code})" if code else ""
    return ServerError(
        f"the server answers {response.status_code}: {message}{named}",
        status=response.status_code,
        code=code,
        param=param,
    )


def _asked_to_wait(response: httpx.Response) -> float | None:
    """Seconds until the call may be made again, or None when it never should."""
    if response.status_code not in _TRIED_AGAIN or response.headers.get("x-should-retry") == "false":
        return None
    try:
        return max(0.0, float(response.headers.get("Retry-After", "0")))
    except ValueError:
        return 0.0


def _with_client(option: str, variable: str, whose: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def given_one(command: Callable[..., Any]) -> Callable[..., Any]:
        @click.option("--url", envvar="MLXQ_URL", default="http://127.0.0.1:8000", help="The server, or set MLXQ_URL.")
        @click.option(option, "key", envvar=variable, help=f"{whose}, or set {variable}.")
        @wraps(command)
        def called(url: str, key: str | None, **given: Any) -> Any:
            return command(Client(url, key), **given)

        return called

    return given_one


talks = _with_client("--api-key", "MLXQ_API_KEY", "Your key")
"""Give a command `--url` and `--api-key`, and what they make as its first argument."""

administers = _with_client("--admin-key", "MLXQ_ADMIN_KEY", "The server's admin key")
"""Give a command `--url` and `--admin-key`, and what they make as its first argument."""
