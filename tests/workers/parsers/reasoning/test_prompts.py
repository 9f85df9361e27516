"""The rendered prompt says whether an answer begins inside the thinking, whatever the model."""

from __future__ import annotations

import pytest

from workers.parsers import registry


@pytest.mark.parametrize(
    ("prompt", "begun"),
    [
        ("<|im_start|>assistant\n<think>\n", True),
        ("<|im_start|>assistant\n", False),  # as Bielik, Reka and MiniCPM do unless they are to think
        ("<|im_start|>assistant\n<think>\n\n</think>\n\n", False),  # enable_thinking=false
        ("<think>a</think>b<|im_end|>\n<|im_start|>assistant\n", False),
        ("]~b]ai\n<think>a</think>b[e~[\n]~b]ai\n<think>\n", True),
        ("<|im_start|>assistant\n<think>\n\n</think>\n\nThe answer is", False),  # a beginning that is to be continued
        ("<|im_start|>assistant\n<think>\nThe user wants", True),  # and one of the thinking
        ("<|im_start|>user\nWhat is <think>?<|im_end|>\n<|im_start|>assistant\n", False),
        ("<start_of_turn>user\nWhat is <think>?<end_of_turn>\n<start_of_turn>model\n", False),
        ("User: What is <think>?\n\nAssistant:", False),
        ("[INST]What is <think>?[/INST]", False),
        ("<|assistant|></think>", False),  # as GLM-4.7 turns it off
        ("<|im_start|>assistant\n<think></think>", False),  # and Nemotron 3
        ("<｜User｜>Hi<｜Assistant｜><think>\n", True),
        ("<｜User｜>Hi<｜Assistant｜></think>", False),
        ("<｜tool▁output▁begin｜>4<｜tool▁output▁end｜><｜tool▁outputs▁end｜>", False),
    ],
)
def test_thinking_has_begun_where_the_prompt_ends_inside_it(prompt: str, begun: bool) -> None:
    assert registry.find("reasoning", "qwen3").begun(prompt) is begun


@pytest.mark.parametrize(
    ("name", "prompt", "begun"),
    [
        ("seed_oss", "<seed:bos>assistant\n<seed:think><seed:cot_budget_reflect>", True),
        ("hy3", "<｜hy_Assistant:opensource｜><think:opensource>", True),
        ("hy3", "<｜hy_Assistant:opensource｜><think:opensource></think:opensource>", False),
        ("seed_oss", "<seed:bos>user\nWhat is <seed:think>?<seed:eos>\n<seed:bos>assistant\n", False),
        ("apriel", "\n<|begin_assistant|>\nHere are my reasoning steps:\n", True),
        ("apriel", "<|assistant|>\n", False),
        ("kimi_k3", '<|open|>message role="assistant"<|sep|><|open|>think<|sep|>', True),
        ("kimi_k3", '<|open|>message role="assistant"<|sep|><|open|>response<|sep|>', False),
        ("minimax_m3", "]~b]ai\n<mm:think>\n", True),
        ("muse", "<|start|>assistant", False),
    ],
)
def test_so_it_is_with_other_markers(name: str, prompt: str, begun: bool) -> None:
    assert registry.find("reasoning", name).begun(prompt) is begun
