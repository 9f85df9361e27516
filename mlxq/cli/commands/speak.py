"""`mlxq speak`: a text as speech, in a file, in a pipe, or from the loudspeaker while it is made."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from mlxq.cli.bulk.files import replacing
from mlxq.cli.client import Client, Json, talks

ENDPOINT = "/v1/audio/speech"
FORMATS = {".mp3": "mp3", ".wav": "wav", ".flac": "flac", ".opus": "opus", ".ogg": "opus", ".aac": "aac", ".pcm": "pcm"}
_RATE = 24_000  # Hz of `pcm`, whose samples have 16 bits


@click.command()
@click.argument("text", required=False)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="A file; its ending says its format.")
@click.option("--format", "format_", type=click.Choice(sorted({*FORMATS.values()})), help="Of what goes into a pipe.")
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
@click.option("--model", help="Who speaks; the only model that can when left out.")
@click.option("--voice", help="One of the voices that GET /v1/audio/voices lists; the model's first when left out.")
@click.option("--instructions", help="How to speak, in words, where the model reads them.")
@click.option("--speed", type=click.FloatRange(0.25, 4), help="How many times as fast as usual.")
@talks
def speak(
    client: Client,
    text: str | None,
    out: Path | None,
    format_: str | None,
    overwrite: bool,
    model: str | None,
    **given: Any,
) -> None:
    """Speak a text, or what is piped in: mlxq speak "Hello." --out hello.mp3.

    Without --out the speech comes from the loudspeaker while it is made, or goes into a pipe, as MP3 by default.
    """
    if text is None:
        text = "" if sys.stdin.isatty() else sys.stdin.read()
    if not text.strip():
        raise click.UsageError("give a text, or pipe one in")
    if out is not None and out.suffix.lower() not in FORMATS:
        raise click.UsageError(f"--out must end with {', '.join(FORMATS)}")
    if out is not None and out.exists() and not overwrite:
        raise click.UsageError(f"{out} is there; --overwrite replaces it")
    aloud = out is None and sys.stdout.isatty()
    loudspeaker = _loudspeaker() if aloud else None
    chosen = "pcm" if aloud else FORMATS[out.suffix.lower()] if out is not None else format_ or "mp3"
    body: Json = {name: value for name, value in given.items() if value is not None} | {
        "model": model or client.model(ENDPOINT),
        "input": text,
        "response_format": chosen,
    }
    audio = client.pieces(ENDPOINT, body)
    if loudspeaker is not None:
        _play(loudspeaker, audio)
    elif out is not None:
        with replacing(out) as file:
            file.writelines(audio)
    else:
        for piece in audio:
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()


def _loudspeaker() -> Any:
    """Open a stream to the loudspeaker; raises click.UsageError when there is no loudspeaker."""
    try:
        import sounddevice
    except (ImportError, OSError) as error:  # OSError: PortAudio is missing
        raise click.UsageError(f"give --out; the loudspeaker needs `pip install sounddevice` ({error})") from None
    try:
        return sounddevice.RawOutputStream(samplerate=_RATE, channels=1, dtype="int16")
    except sounddevice.PortAudioError as error:
        raise click.UsageError(f"give --out; there is no loudspeaker here ({error})") from None


def _play(loudspeaker: Any, audio: Iterator[bytes]) -> None:
    odd = b""
    with loudspeaker:
        for piece in audio:
            data = odd + piece
            odd = data[len(data) // 2 * 2 :]
            loudspeaker.write(data[: len(data) // 2 * 2])
