"""A plugin for OpenAI's own tests of its SDK, out of its source distribution: which of them do not apply, and why.

They are written for a server that answers whatever it is asked with an example. Here answers a model that only counts,
under the names by which the tests call models.
"""

from __future__ import annotations

import re

import pytest

_THINGS = "conversations|items|files|batches|responses|input_items|messages|completions"
# What a test's id, from its file on, has that does not apply.
REASONS = {
    rf"test_({_THINGS})\.py.*_(retrieve|retrieve_content|update|delete|cancel)(_with_all_params)?(_overload_\d)?\[": (
        "it names something by a placeholder, of which there is none"
    ),
    r"(test_items|test_input_items|test_messages)\.py.*_(create|list)(_with_all_params)?\[": (
        "it names something by a placeholder, of which there is none"
    ),
    r"test_(files|batches|completions)\.py.*_list_with_all_params": "it goes on behind a placeholder",
    r"test_batches\.py.*_create": "its file is a placeholder",
    r"test_models\.py.*_delete": "models are not deleted by calls",
    r"test_responses\.py.*_create(_overload_\d)?\[": "it asks for a response of nothing, by no model",
    r"test_input_tokens\.py.*_count\[": "it counts nothing, for no model",
    r"with_all_params": "it sends every field that there is, also of hosted tools and of things by placeholders",
    r"test_embeddings\.py.*_create\[(strict|aiohttp)": "the SDK asks for base64, and strictly takes numbers only",
}
# Which apply though a pattern above has them: without anything else, and of what the SDK does by itself.
APPLY = r"path_params|test_conversations\.py.*_create|test_embeddings\.py.*with_all_params|test_files\.py.*_create"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what does not apply; what passes in spite of that is an error, so that the list stays true."""
    for item in items:
        reason = why_not(item.nodeid)
        if reason is not None:
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


def why_not(test: str) -> str | None:
    """Why a test does not apply, if so."""
    if re.search(APPLY, test):
        return None
    return next((reason for pattern, reason in REASONS.items() if re.search(pattern, test)), None)
