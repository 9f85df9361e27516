"""Bodies that the fake engine answers."""

from __future__ import annotations

from typing import Any

CHAT = "/v1/chat/completions"
ENDLESS = 1_000_000  # tokens that no test waits for


def chat(text: str = "word", tokens: int = 3, model: str = "fake", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": tokens, **more}
