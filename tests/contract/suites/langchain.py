"""LangChain's standard tests of chat models and of embeddings, with the starter models."""

from __future__ import annotations

import os
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from langchain_tests.integration_tests import ChatModelIntegrationTests, EmbeddingsIntegrationTests

URL = f"{os.environ['MLXQ_URL']}/v1"
CHAT, VECTORS = "smollm2-135m-instruct", "all-minilm-l6-v2"

# What asks for more than 135 million parameters know, and what a model of text alone cannot do.
TOO_CLEVER = {
    "test_agent_loop": "the model has to see by itself that it needs the tool",
    "test_tool_calling": "the model has to copy a number into a call",
    "test_tool_calling_async": "the model has to copy a number into a call",
    "test_bind_runnables_as_tools": "the model has to choose a fitting argument",
    "test_unicode_tool_call_integration": "the model has to copy a name into a call",
    "test_structured_output": "the model has to end a string by itself",
    "test_structured_output_async": "the model has to end a string by itself",
    "test_structured_output_pydantic_2_v1": "the model has to end a string by itself",
    "test_structured_output_optional_param": "the model has to end a string by itself",
    "test_json_mode": "the model has to end a string by itself",
}


class TestChat(ChatModelIntegrationTests):  # type: ignore[misc]
    """Chats with the smallest of models: what it says is of no account, in which form it does is."""

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatOpenAI  # type: ignore[no-any-return]

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": CHAT, "base_url": URL, "api_key": "none", "temperature": 0, "max_tokens": 256,
                "timeout": 120, "stream_usage": True}  # fmt: skip

    @property
    def structured_output_kwargs(self) -> dict[str, Any]:
        return {"method": "json_schema"}

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def model_override_value(self) -> str:
        return CHAT

    @pytest.fixture(autouse=True)
    def beyond(self, request: pytest.FixtureRequest) -> None:
        """Say which tests a model of this size may fail, and why."""
        if reason := TOO_CLEVER.get(request.node.originalname):
            request.node.add_marker(pytest.mark.xfail(reason=reason, strict=False))


class TestVectors(EmbeddingsIntegrationTests):  # type: ignore[misc]
    """Vectors of texts; token ids would be those of OpenAI's tokenizer."""

    @property
    def embeddings_class(self) -> type[Embeddings]:
        return OpenAIEmbeddings  # type: ignore[no-any-return]

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": VECTORS, "base_url": URL, "api_key": "none", "check_embedding_ctx_length": False}
