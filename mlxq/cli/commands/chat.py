"""`mlxq chat`: a conversation with a model in the terminal."""

from __future__ import annotations

import base64
import mimetypes
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import click

from mlxq.cli.client import Client, Json, ServerError, talks

PATH = "/v1/chat/completions"
HELP = """/image PATH   show an image with the next message
/new          begin a new conversation
/system TEXT  begin a new one with this system message
/bye          end, as Ctrl-D does; Ctrl-C ends an answer"""


class Conversation:
    """What was said so far, and the images that go with the next message."""

    def __init__(self, client: Client, model: str, system: str | None, options: Json) -> None:
        self._client, self._options = client, {"model": model, **options}
        self._pictures: list[Path] = []
        self.begin(system)

    def begin(self, system: str | None) -> None:
        """Forget what was said."""
        self._messages: list[Json] = [{"role": "system", "content": system}] if system else []

    def show(self, picture: Path) -> None:
        """Have an image go with the next message; click.BadParameter when it cannot be read."""
        if not picture.is_file():
            raise click.BadParameter(f"{picture}: no such file")
        self._pictures.append(picture)

    def ask(self, text: str) -> Iterator[tuple[str, bool]]:
        """Pieces of the answer as they come, and whether each is thinking.

        The conversation goes on as if nothing had been asked when nothing is answered.
        """
        message = {"role": "user", "content": _content(text, self._pictures)}
        body = {**self._options, "messages": [*self._messages, message], "stream": True}
        answer = ""
        try:
            for chunk in self._client.stream(PATH, body):
                for choice in chunk.get("choices", ()):
                    delta = choice.get("delta", {})
                    if thought := delta.get("reasoning_content"):
                        yield thought, True
                    if piece := delta.get("content"):
                        answer += piece
                        yield piece, False
        finally:
            if answer:
                self._messages += [message, {"role": "assistant", "content": answer}]
                self._pictures.clear()


def _content(text: str, pictures: Sequence[Path]) -> str | list[Json]:
    if not pictures:
        return text
    shown = [{"type": "image_url", "image_url": {"url": _data_url(picture)}} for picture in pictures]
    return [*shown, {"type": "text", "text": text}]


def _data_url(picture: Path) -> str:
    kind = mimetypes.guess_type(picture.name)[0] or "application/octet-stream"
    return f"data:{kind};base64,{base64.b64encode(picture.read_bytes()).decode()}"


@click.command()
@click.argument("model", required=False)
@click.argument("prompt", required=False)
@click.option(
    "--image", "pictures", type=click.Path(path_type=Path), multiple=True, help="An image for the first message."
)
@click.option("--system", help="The system message.")
@click.option("--max-tokens", type=click.IntRange(1), help="The longest answer; the model's default when left out.")
@click.option("--temperature", type=click.FloatRange(0, 2), help="The model's default when left out.")
@click.option("--hide-thinking", is_flag=True, help="Do not show what the model thinks.")
@talks
def chat(
    client: Client,
    model: str | None,
    prompt: str | None,
    pictures: tuple[Path, ...],
    system: str | None,
    max_tokens: int | None,
    temperature: float | None,
    hide_thinking: bool,
) -> None:
    """Chat with MODEL: the only one that can when left out.

    With PROMPT, or what is piped in, it answers that and ends. /help tells what else may be typed.
    """
    options = {"max_tokens": max_tokens, "temperature": temperature}
    given = {name: value for name, value in options.items() if value is not None}
    talk = Conversation(client, model or client.model(PATH), system, given)
    for picture in pictures:
        talk.show(picture)
    if prompt is None and not sys.stdin.isatty():
        prompt = sys.stdin.read().strip()
        if not prompt:
            raise click.UsageError("there is nothing to answer: standard input is empty")
    if prompt is not None:
        _answer(talk, prompt, hide_thinking)
    else:
        _converse(talk, hide_thinking)


def _converse(talk: Conversation, hide_thinking: bool) -> None:
    with suppress(ImportError):
        import readline  # noqa: F401 - lines can be edited and come back
    click.echo("/help tells what may be typed", err=True)
    while (line := _line()) is not None:
        command, _, argument = line.partition(" ")
        try:
            if command == "/bye":
                return
            if command == "/help":
                click.echo(HELP, err=True)
            elif command == "/image":
                talk.show(Path(argument.strip()).expanduser())
            elif command in ("/new", "/system"):
                talk.begin(argument.strip() or None)
            elif line:
                _answer(talk, line, hide_thinking)
        except KeyboardInterrupt:
            click.echo()
        except (ServerError, click.BadParameter) as error:
            click.echo(f"Error: {error.format_message()}", err=True)


def _line() -> str | None:
    """What was typed; None at the end."""
    try:
        return input("> ").strip()
    except EOFError:
        return None


def _answer(talk: Conversation, text: str, hide_thinking: bool) -> None:
    """Print an answer as it comes: what the model thinks on standard error, so that a pipe gets the answer alone."""
    thinking = False
    for piece, thought in talk.ask(text):
        if thought and hide_thinking:
            continue
        if thinking and not thought:
            click.echo("\n", err=True)
        thinking = thought
        click.secho(piece, nl=False, err=thought, dim=thought or None)
    click.echo()
