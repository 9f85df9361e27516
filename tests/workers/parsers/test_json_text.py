"""Reading JSON as it grows takes what Python's reader takes, and knows where it ends."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.rounds import rounds
from workers.parsers.json_text import JsonReader, Unescaper, quoted

VALUES: Any = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=4)),
    max_leaves=12,
)


def read(text: str, step: int = 1) -> tuple[str, int, bool]:
    """What was read of a text, how far it was read and whether it is a value."""
    reader, valid, at = JsonReader(), [], 0
    while at < len(text) and not reader.done and not reader.broken:
        at = reader.feed(text, at, min(len(text), at + step))
        valid.append(reader.take())
    return "".join(valid), at, reader.complete


@given(value=VALUES, spaces=st.booleans(), step=st.integers(1, 9))
def test_a_value_is_read_as_it_stands_and_nothing_after_it(value: Any, spaces: bool, step: int) -> None:
    text = json.dumps(value, ensure_ascii=spaces, indent=1 if spaces else None)
    assert read(text, step) == (text, len(text), True)
    if text[0] in '"[{':
        assert read(text + "}x", step) == (text, len(text), True)
        assert not any(read(text[:end], step)[2] for end in range(len(text)))


@given(text=st.lists(st.sampled_from([*'{}[]:,"\\ \n-+.0123eE', "true", "nul", '"a"', "\\u00", "\x01"]), max_size=9))
@settings(max_examples=rounds(400, 20_000))
def test_it_takes_what_pythons_reader_takes(text: list[str]) -> None:
    joined = "".join(text)
    text_read, at, complete = read(joined)
    try:
        json.loads(joined, strict=False)
        valid = True
    except ValueError:
        valid = False
    assert (complete and not joined[at:].strip()) == valid
    if complete:
        json.loads(text_read)


@pytest.mark.parametrize(
    ("text", "valid", "at"),
    [
        ('{"a": tru?', '{"a": tru', 9),
        ('{"a": 1.}', '{"a": 1.', 8),
        ('{"a": -}', '{"a": -', 7),
        ('{"a": 00', '{"a": 0', 7),
        ('{"a" 1', '{"a" ', 5),
        ("{a", "{", 1),
        ("[1,]", "[1,", 3),
        ('["\\x', '["\\', 3),
        ('["\\u12g', '["\\u12', 6),
        ("NaN", "", 0),
        ('["a\nb"]', '["a\\nb"]', 7),
        ("[" * 300, "[" * 200, 200),
    ],
)
def test_of_a_broken_value_what_is_valid_is_kept(text: str, valid: str, at: int) -> None:
    assert read(text) == (valid, at, text.startswith('["a'))
    assert read(text, 99)[:2] == (valid, at)


@given(value=VALUES, inner=st.booleans(), outer=st.booleans(), step=st.integers(1, 9))
def test_json_in_a_string_of_json_is_taken_out_of_it(value: Any, inner: bool, outer: bool, step: int) -> None:
    text = json.dumps(json.dumps(value, ensure_ascii=inner), ensure_ascii=outer)
    unescaper = Unescaper()
    meant = "".join(unescaper.feed(text[at : at + step]) for at in range(0, len(text), step))
    assert json.loads(meant) == value
    assert meant.encode()


@given(text=st.text(st.characters(exclude_categories=[])))
def test_any_text_can_be_quoted_and_sent(text: str) -> None:
    written = quoted(text)
    assert written.encode()
    assert json.loads(written) == text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
