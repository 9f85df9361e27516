"""`mlxq chat` answers once for a pipe, and goes on for a person at a terminal."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from mlxq.cli.client import ServerError
from mlxq.cli.commands.chat import Conversation, _converse
from tests.mlxq.cli.shell import mlxq
from tests.support.servers import Stack


def test_a_prompt_is_answered_as_it_comes(fake_stack: Stack) -> None:
    done = mlxq(fake_stack, "chat", fake_stack.names[0], "word", "--max-tokens", "3")
    assert (done.code, done.out) == (0, "word1 word2 word3 \n")


def test_what_is_piped_in_is_a_prompt(fake_stack: Stack) -> None:
    done = mlxq(fake_stack, "chat", fake_stack.names[0], "--max-tokens", "2", stdin=b"hello\n")
    assert (done.code, done.out) == (0, "hello1 hello2 \n")
    assert mlxq(fake_stack, "chat", fake_stack.names[0]).code == 2


def test_what_the_server_refuses_is_told(fake_stack: Stack, tmp_path: Path) -> None:
    done = mlxq(fake_stack, "chat", "nobody", "word")
    assert done.code == 3 and "does not exist here" in done.err
    done = mlxq(fake_stack, "chat", fake_stack.names[0], "word", "--image", tmp_path / "none.png")
    assert done.code == 2 and "no such file" in done.err


class Scripted:
    """A server that answers with these chunks, and keeps what it was asked."""

    def __init__(self, *answers: list[Any]) -> None:
        self.answers, self.asked = list(answers), []  # type: ignore[var-annotated]

    def stream(self, path: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        self.asked.append(json.loads(json.dumps(body)))
        for piece in self.answers.pop(0):
            if isinstance(piece, Exception):
                raise piece
            yield {"choices": [{"delta": piece}]}


def talk(server: Scripted, **options: Any) -> Conversation:
    return Conversation(server, "m", None, options)  # type: ignore[arg-type]


def test_the_conversation_goes_on_and_a_picture_goes_with_one_message(tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(b"png")
    server = Scripted([{"content": "A "}, {"content": "cat."}], [{"content": "Yes."}])
    conversation = talk(server, temperature=0.0)
    conversation.show(picture)
    assert list(conversation.ask("What is it?")) == [("A ", False), ("cat.", False)]
    list(conversation.ask("Sure?"))
    url = f"data:image/png;base64,{base64.b64encode(b'png').decode()}"
    first = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "What is it?"}]
    assert server.asked[1]["messages"] == [
        {"role": "user", "content": first},
        {"role": "assistant", "content": "A cat."},
        {"role": "user", "content": "Sure?"},
    ]
    assert server.asked[0]["temperature"] == 0.0 and server.asked[0]["stream"]
    conversation.begin("Be brief.")
    server.answers.append([{"content": "x"}])
    list(conversation.ask("hi"))
    assert server.asked[2]["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "hi"},
    ]


def test_a_message_without_an_answer_was_never_said() -> None:
    server = Scripted([ServerError("no")], [{"content": "b"}])
    conversation = talk(server)
    with pytest.raises(ServerError):
        list(conversation.ask("a"))
    list(conversation.ask("b"))
    assert [message["content"] for message in server.asked[1]["messages"]] == ["b"]


def test_a_picture_that_is_not_there_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(click.BadParameter, match="no such file"):
        talk(Scripted()).show(tmp_path / "none.png")


def test_a_person_types_messages_and_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    server = Scripted(
        [{"reasoning_content": "hm"}, {"content": "one"}], [ServerError("too long")], [{"content": "two"}]
    )
    lines = iter(["/help", "first", "", "second", f"/image {tmp_path}/none", "/new", "third", "/bye", "never"])
    monkeypatch.setattr("builtins.input", lambda _: next(lines))
    _converse(talk(server), hide_thinking=False)
    out, err = capsys.readouterr()
    assert out.split() == ["one", "two"]
    assert "hm" in err and "Error: too long" in err and "no such file" in err and "/bye" in err
    assert [message["content"] for message in server.asked[2]["messages"]] == ["third"]
    assert next(lines) == "never"


def test_the_end_of_input_ends_the_chat(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(_: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", end)
    _converse(talk(Scripted()), hide_thinking=True)
