"""Formats that have nothing of their own but their markers."""

from __future__ import annotations

import pytest

from tests.workers.parsers.reasoning.answers import agreed
from workers.parsers import registry
from workers.parsers.parser_events import Arguments, CallBegun, CallEnded, ParserEvent, Text, Thought

PAIRS = {
    "seed_oss": ("<seed:think>", "</seed:think>"),
    "minimax_m3": ("<mm:think>", "</mm:think>"),
    "hy3": ("<think:opensource>", "</think:opensource>"),
    "mistral": ("[THINK]", "[/THINK]"),
    "apertus": ("<|inner_prefix|>", "<|inner_suffix|>"),
    "hunyuan": ("<think>", "</think>"),
    "ernie45": ("<think>", "</think>"),
    "cohere": ("<|START_THINKING|>", "<|END_THINKING|>"),
    "kimi_k3": ("<|open|>think<|sep|>", "<|close|>think<|sep|>"),
    "apriel": ("Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]"),
}


@pytest.mark.parametrize("name", PAIRS)
def test_thinking_and_answer_are_told_apart(name: str) -> None:
    form, (begin, end) = registry.find("reasoning", name), PAIRS[name]
    for text, begun, pieces in (
        (f"{begin}\nHm.\n{end}\n\nHello.", False, [Thought("Hm."), Text("Hello.")]),
        (f"Hm.{end}Hello.", True, [Thought("Hm."), Text("Hello.")]),
        (f"{begin}Hm.", False, [Thought("Hm.")]),
        ("Hm.", True, [Thought("Hm.")]),
        ("Hello.", False, [Text("Hello.")]),
        (f"{begin}a{end}b {begin}c{end}", False, [Thought("a"), Text(f"b {begin}c{end}")]),
    ):
        assert agreed(lambda begun=begun: form.parser(begun), text) == pieces, text  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "text", "pieces"),
    [
        ("hunyuan", "<think>\nHm.\n</think>\n<answer>\nHello.\n</answer>", [Thought("Hm."), Text("Hello.")]),
        ("hunyuan", "<think>\n\n</think>\n<answer>\nHello.\n</answer>\n", [Text("Hello.")]),
        ("hunyuan", "<answer>\nHello </answer> b", [Text("\nHello </answer> b")]),
        ("ernie45", "<think>\nHm.\n</think>\n\n<response>\nHello.\n</response>\n", [Thought("Hm."), Text("Hello.")]),
        ("granite", "<think>a</think><response>b </response> c</response>", [Thought("a"), Text("b </response> c")]),
        (
            "cohere",
            "<|START_THINKING|>Hm.<|END_THINKING|>\n<|START_RESPONSE|>Hello.<|END_RESPONSE|>",
            [Thought("Hm."), Text("Hello.")],
        ),
        ("cohere", "<|START_RESPONSE|>Hello.<|END_RESPONSE|>", [Text("Hello.")]),
        (
            "kimi_k3",
            "Hm.<|close|>think<|sep|><|open|>response<|sep|>Hello.<|close|>response<|sep|><|close|>message<|sep|>",
            [Text("Hm.Hello.")],
        ),
        (
            "apriel",
            "Here are my reasoning steps:\nHm.\n[BEGIN FINAL RESPONSE]\nHello.\n[END FINAL RESPONSE]\n",
            [Thought("Hm."), Text("Hello.")],
        ),
        (
            "muse",
            " to=self<|message|>Hm.<|eom|><|start|>assistant to=user<|message|>Hello.<|eot|>",
            [Thought("Hm."), Text("Hello.")],
        ),
        (
            "muse",
            "to=user<|message|>a<|eom|><|start|>assistant to=self<|message|>b<|eom|>",
            [Text("a"), Thought("b")],
        ),
    ],
)
def test_what_stands_around_the_answer_is_none_of_it(name: str, text: str, pieces: list[ParserEvent]) -> None:
    form = registry.find("reasoning", name)
    assert agreed(lambda: form.parser(False), text) == pieces


def test_kimi_s_response_and_its_calls_follow_each_other() -> None:
    tools, thinks = registry.find("tools", "kimi_k3"), registry.find("reasoning", "kimi_k3")
    text = "Hm.<|close|>think<|sep|><|open|>response<|sep|>So.<|close|>response<|sep|>"
    text += tools.write([("f", {})]) + "<|close|>message<|sep|>"
    called = [CallBegun(0, "f"), Arguments(0, "{}"), CallEnded(0)]
    assert agreed(lambda: thinks.parser(True, tools.parser({})), text) == [Thought("Hm."), Text("So."), *called]
