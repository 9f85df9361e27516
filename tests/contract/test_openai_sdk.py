"""What a program written for OpenAI sees."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from tests.support.servers import Stack, eventually


@pytest.fixture
def client(fake_stack: Stack) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{fake_stack.url}/v1", api_key="none", max_retries=0)


def chat(client: openai.OpenAI, **more: Any) -> Any:
    request = {"model": "fake", "messages": [{"role": "user", "content": "word"}], "max_tokens": 3, **more}
    return client.chat.completions.create(**request)


def said(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def test_a_chat(client: openai.OpenAI) -> None:
    answer = chat(client)
    assert answer.object == "chat.completion" and answer.id.startswith("chatcmpl-")
    assert answer.choices[0].message.content == "word1 word2 word3 "
    assert (answer.choices[0].message.role, answer.choices[0].finish_reason) == ("assistant", "length")
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (4, 3, 7)


def test_a_stream_adds_up_to_the_answer(client: openai.OpenAI) -> None:
    chunks = list(chat(client, stream=True, stream_options={"include_usage": True}))
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert deltas[0].role == "assistant" and deltas[0].content == ""
    assert "".join(delta.content or "" for delta in deltas) == "word1 word2 word3 "
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "length"
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens == 7
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert all(chunk.usage is None for chunk in chat(client, stream=True))


def test_what_real_clients_send_without_meaning_it_is_taken(client: openai.OpenAI) -> None:
    answer = chat(
        client, n=1, presence_penalty=0, frequency_penalty=0, logprobs=False, store=False, user="u",
        metadata={"a": "b"}, service_tier="auto", parallel_tool_calls=True, response_format={"type": "text"},
        prompt_cache_key="k", safety_identifier="s", tool_choice="auto", tools=[], logit_bias={}, stop=None,
        messages=[{"role": "developer", "content": [{"type": "text", "text": "word"}]}],
    )  # fmt: skip
    assert answer.choices[0].message.content == "word1 word2 word3 "


@pytest.mark.parametrize("inputs", ["a", ["a", "bb"], [1, 2, 3], [[1], [2, 3]]])
def test_embeddings_of_every_form_in_both_encodings(client: openai.OpenAI, inputs: Any) -> None:
    default = client.embeddings.create(model="fake", input=inputs)  # base64, which the SDK decodes
    floats = client.embeddings.create(model="fake", input=inputs, encoding_format="float")
    assert [item.embedding for item in default.data] == [item.embedding for item in floats.data]
    assert [item.index for item in default.data] == list(range(len(default.data)))
    assert default.usage.prompt_tokens == default.usage.total_tokens > 0


def test_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["fake", "small"]
    assert client.models.retrieve("fake").owned_by == "mlxq"


def test_the_job_is_named_in_the_headers(client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(model="fake", messages=said("word"))
    assert raw.headers["x-job-id"].startswith("job_") and raw.request_id == raw.headers["x-request-id"]


@pytest.mark.parametrize(
    ("more", "error", "code"),
    [
        ({"model": "none"}, openai.NotFoundError, "model_not_found"),
        ({"verbosity": "low"}, openai.BadRequestError, "unsupported_parameter"),
        (
            {"messages": [{"role": "user", "content": "refuse"}], "stream": True},
            openai.BadRequestError,
            "invalid_value",
        ),
        ({"messages": [{"role": "user", "content": "fail"}]}, openai.InternalServerError, "engine_error"),
    ],
)
def test_errors_are_the_sdk_s_own(
    client: openai.OpenAI, more: dict[str, Any], error: type[openai.APIStatusError], code: str
) -> None:
    with pytest.raises(error) as caught:
        chat(client, **more)
    assert caught.value.code == code


def test_an_error_within_a_stream_is_raised(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIError, match="asks to fail"):
        list(chat(client, messages=said("fail"), stream=True))


def test_what_would_fail_again_is_not_tried_again(client: openai.OpenAI, fake_stack: Stack) -> None:
    trying = client.with_options(max_retries=3, default_headers={"X-Request-ID": "tried-once"})
    with pytest.raises(openai.InternalServerError):
        chat(trying, messages=said("fail"))

    def answered() -> list[str]:
        return [line for line in fake_stack.web.log("tried-once") if '"answered"' in line]

    eventually(answered)
    assert len(answered()) == 1
