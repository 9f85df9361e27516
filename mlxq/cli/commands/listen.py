"""`mlxq listen`: what is said into the microphone, written down while it is said."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import click

from mlxq.cli.client import Client, ServerError, talks

PATH = "/v1/realtime?intent=transcription"
_RATE, _PIECE = 24_000, 2_400  # samples a second, and of a piece; each has 16 bits
_TRANSCRIBED = "conversation.item.input_audio_transcription"


@click.command()
@click.option("--model", help="Who listens; the only model that can when left out.")
@click.option("--language", help="What is spoken, as `en`; the model finds out when left out, if it can.")
@talks
def listen(client: Client, model: str | None, language: str | None) -> None:
    """Write down what is said into the microphone, an utterance a line, until Ctrl-C."""
    transcription = {name: value for name, value in (("model", model), ("language", language)) if value is not None}
    microphone = _microphone()
    click.echo("listening; Ctrl-C ends", err=True)
    for text in transcripts(client, _pieces(microphone), transcription):
        click.echo(text)


def transcripts(client: Client, sound: Iterable[bytes], transcription: dict[str, str]) -> Iterator[str]:
    """The text of each utterance in a sound, 16-bit samples at 24 kHz; ServerError when the server does not listen."""
    try:
        from simple_websocket import Client as Socket
        from simple_websocket import ConnectionClosed
    except ImportError:
        raise click.UsageError("mlxq listen needs `pip install 'mlxq[web]'`") from None
    headers = {"Authorization": f"Bearer {client.key}"} if client.key else {}
    try:
        socket = Socket(client.url.replace("http", "ws", 1) + PATH, headers=headers)
    except (OSError, ConnectionClosed) as error:
        raise ServerError(f"nothing listens at {client.url} ({error})") from None
    session = {"type": "transcription", "audio": {"input": {"transcription": transcription}}}
    socket.send(json.dumps({"type": "session.update", "session": session}))
    sending = threading.Thread(target=_send, args=(socket, sound, ConnectionClosed), daemon=True)
    sending.start()
    try:
        while True:
            event: dict[str, Any] = json.loads(socket.receive())
            if event["type"] == f"{_TRANSCRIBED}.completed":
                yield event["transcript"]
            elif event["type"] in ("error", f"{_TRANSCRIBED}.failed"):
                raise ServerError(
                    f"the server answers: {event['error'].get('message')}", code=event["error"].get("code")
                )
    except ConnectionClosed as error:
        raise ServerError(f"the server hung up: {error}") from None
    finally:
        socket.close()


def _send(socket: Any, sound: Iterable[bytes], closed: type[Exception]) -> None:
    try:
        for piece in sound:
            audio = base64.b64encode(piece).decode()
            socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
    except closed:  # who reads is told why
        return


def _microphone() -> Any:
    """Open a stream of the microphone; raises click.UsageError when there is no microphone."""
    try:
        import sounddevice
    except (ImportError, OSError) as error:  # OSError: PortAudio is missing
        raise click.UsageError(f"the microphone needs `pip install sounddevice` ({error})") from None
    try:
        return sounddevice.RawInputStream(samplerate=_RATE, channels=1, dtype="int16", blocksize=_PIECE)
    except sounddevice.PortAudioError as error:
        raise click.UsageError(f"there is no microphone here ({error})") from None


def _pieces(microphone: Any) -> Iterator[bytes]:
    with microphone:
        while True:
            piece, _ = microphone.read(_PIECE)
            yield bytes(piece)
