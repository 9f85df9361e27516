"""How a generative reranker is asked: a chat template with a turn of role `query` and one of role `document`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workers.engines.encoders.checkpoint import UnusableModel

# Qwen3-Reranker's own prompt (https://huggingface.co/Qwen/Qwen3-Reranker-0.6B), whose files hold a chat's template.
QWEN3 = """<|im_start|>system
Judge whether the Document meets the requirements based on the Query and the Instruct provided. \
Note that the answer can only be "yes" or "no".<|im_end|>
<|im_start|>user
<Instruct>: {{ messages | selectattr("role", "eq", "system") | map(attribute="content") | first \
| default("Given a web search query, retrieve relevant passages that answer the query", true) }}
<Query>: {{ messages | selectattr("role", "eq", "query") | map(attribute="content") | first }}
<Document>: {{ messages | selectattr("role", "eq", "document") | map(attribute="content") | first }}<|im_end|>
<|im_start|>assistant
<think>

</think>{{ "\\n\\n" }}"""
_DOCUMENT = "\ue000document\ue000"  # of Unicode's private use, so no text holds it by chance


class Template:
    """What stands around a query and a document; an instruction is a turn of the system.

    Raises UnusableModel for a template that shows no documents.
    """

    def __init__(self, tokenizer: Any, text: str) -> None:
        self._tokenizer, self._text = tokenizer, text
        self.around("query", None)

    def around(self, query: str, instruction: str | None) -> tuple[str, str]:
        """What stands before a document, the query with it, and what stands behind."""
        turns = [{"role": "query", "content": query}, {"role": "document", "content": _DOCUMENT}]
        if instruction is not None:
            turns.insert(0, {"role": "system", "content": instruction})
        shown = self._tokenizer.apply_chat_template(
            turns, chat_template=self._text, tokenize=False, add_generation_prompt=True
        )
        before, mark, after = str(shown).rpartition(_DOCUMENT)
        if not mark:
            raise UnusableModel("the chat template shows no message of role 'document'")
        return before, after


def chosen(tokenizer: Any, config: Mapping[str, Any], file: str | None) -> Template:
    """The template in a file, else the model's own if it knows queries and documents, else its kind's.

    Raises UnusableModel where there is none of these.
    """
    template = tokenizer.chat_template
    if file is not None:
        return Template(tokenizer, Path(file).expanduser().read_text(encoding="utf-8"))
    if isinstance(template, str) and "query" in template and "document" in template:
        return Template(tokenizer, template)
    if str(config.get("model_type", "")).startswith("qwen3"):
        return Template(tokenizer, QWEN3)
    raise UnusableModel(
        "how this model is asked for a score is not known: 'chat_template_file' names a chat template "
        "with turns of role 'query' and 'document'"
    )
