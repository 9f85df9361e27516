"""Conversations that a model's processor writes as text by itself, where no template of its tokenizer could."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from transformers import PreTrainedTokenizerBase, ProcessorMixin

from workers.engines.vision.prompts import takes_parts

Write: TypeAlias = Callable[..., str]
_INHERITED = (ProcessorMixin.apply_chat_template, PreTrainedTokenizerBase.apply_chat_template)


def own_turns(processor: Any) -> Write | None:
    """What writes a conversation as text in a processor's own way; None where it has none that is needed.

    As mlx-vlm has it, which asks the processor wherever that has a `chat_template`, if only a word in its place.
    """
    own = getattr(type(processor), "apply_chat_template", None)
    if own is None or own in _INHERITED or getattr(processor, "chat_template", None) is None:
        return None
    if takes_parts(getattr(processor, "tokenizer", processor)):
        return None

    def write(turns: Sequence[Mapping[str, Any]], **options: Any) -> str:
        text = str(processor.apply_chat_template(turns, tokenize=False, **options))
        if options.get("continue_final_message") and not text.endswith(_text(turns[-1])):
            raise ValueError("the model's processor writes the turns itself, and ends each: none can be gone on with")
        return text

    return write


def _text(turn: Mapping[str, Any]) -> str:
    """The last text of a turn."""
    content = turn["content"]
    return str(content if isinstance(content, str) else content[-1].get("text", ""))
