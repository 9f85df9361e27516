"""Processors that write a conversation's turns by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from transformers import ProcessorMixin

from workers.engines.vision.own_turns import own_turns

PARTS = "{% for part in m.content %}{% if part['type'] == 'image' %}<image>{% endif %}{% endfor %}"
STRING = "{{ m.content }}"


class Inherits(ProcessorMixin):  # type: ignore[misc]
    """As most processors are."""

    def __init__(self, template: str | None) -> None:
        self.tokenizer, self.chat_template = SimpleNamespace(chat_template=template), template


class Writes(Inherits):
    """As Kimi K3's, which ends every turn."""

    def __init__(self, template: str | None, word: str | None = "a word") -> None:
        super().__init__(template)
        self.chat_template = word

    def apply_chat_template(self, turns: Sequence[Any], *, tokenize: bool, **options: Any) -> str:
        assert not tokenize
        text = "".join(f"[{turn['content']}]" for turn in turns)
        return text.removesuffix("]") if options.get("goes_on") else text


@pytest.mark.parametrize(
    ("processor", "own"),
    [
        (Writes(None), True),
        (Writes(STRING), True),
        (Writes(PARTS), False),  # the tokenizer's template writes them as well
        (Writes(None, None), False),  # and mlx-vlm would not ask it
        (Inherits(STRING), False),
        (Inherits(None), False),
        (SimpleNamespace(chat_template=STRING), False),
    ],
)
def test_a_processor_is_asked_where_no_template_shows_what_it_would(processor: Any, own: bool) -> None:
    assert (own_turns(processor) is not None) is own


def test_it_writes_the_turns() -> None:
    write = own_turns(Writes(None))
    assert write is not None
    assert write([{"content": "One"}, {"content": "two"}], add_generation_prompt=True) == "[One][two]"


def test_what_ends_a_turn_that_is_to_be_gone_on_with_is_refused() -> None:
    write = own_turns(Writes(None))
    assert write is not None
    assert write([{"content": "Go on"}], continue_final_message=True, goes_on=True) == "[Go on"
    with pytest.raises(ValueError, match="none can be gone on with"):
        write([{"content": "Go on"}], continue_final_message=True)
