"""A form with a part of it spoiled."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from bench.fuzz import values
from bench.fuzz.request import Form, Part
from bench.fuzz.wire import cut, flipped

FILENAMES = ("", '"', "a\r\nb", "../../x", "\x00", "a" * 5000 + ".jsonl", "é😀.jsonl", "x.JSONL", "CON", "a/b\\c")
KINDS = ("", "x", "a/b;;;", "image/png; charset=x", "multipart/mixed; boundary=y", "é")
HEADS = (b"", b"X: y", b"Content-Disposition: form-data", b"Content-Disposition: x; name=a", b":", b"\xff")


def mutated(form: Form, chance: Random, names: tuple[str, ...]) -> Form:
    """The same form with one part lost, said again, or changed; `names` are fields that its readers know."""
    parts = list(form.parts)
    at = chance.randrange(len(parts))
    part = parts[at]
    said = values.text(values.hostile(chance)).encode("utf-8", "surrogatepass")
    plain = chance.choice((said.strip(b'"'), said))[:300_000]
    name = chance.choice(
        ("", "a[b]", "a[b][c]", f"{part.name}[]", f"{part.name}[a]", "[", "]", "a" * 5000, '"', "\r\n", "é")
    )
    filename = chance.choice(FILENAMES)
    kind = chance.choice(KINDS)
    head = chance.choice(HEADS)
    more = chance.choice(names or ("x",)) + chance.choice(("", "", "[]", "[a]"))
    parts[at : at + 1] = chance.choice(
        (
            [],
            [part, part],
            [part] * (1500 if chance.random() < 0.1 else 20),
            [replace(part, content=plain)],
            [replace(part, content=plain)],
            [replace(part, content=cut(part.content, chance))],
            [replace(part, content=flipped(part.content, chance))],
            [replace(part, name=name)],
            [replace(part, filename=filename)],
            [replace(part, filename=None if part.filename else filename)],
            [replace(part, type=kind)],
            [replace(part, head=head)],
            [part, Part(more, plain)],
            [part, Part(more, plain)],
        )
    )
    return Form(tuple(parts))
