"""Where an answer ends, and what of its end is shown, as its request wants it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tasks.values import events
from tasks.values.errors import InvalidValue
from tasks.values.messages import Message
from tasks.values.requests import ChatRequest, Constraint, Tool, ToolChoice
from tests.workers.engines.rows import Batch, chat, job, run, texts
from tests.workers.engines.text import tiny
from tests.workers.engines.text.output.test_formats import speaking
from workers.engines.lm import TextEngine
from workers.engines.text.effort import nearest
from workers.engines.text.output.answer import Answer, Ending
from workers.engines.text.output.answer_format import AnswerFormat
from workers.engines.text.output.detokenizer import Vocabulary
from workers.parsers import registry

WORDS = tiny.tokenizer()
(END,), A, B = WORDS.eos_token_ids, WORDS.convert_tokens_to_ids("a"), WORDS.convert_tokens_to_ids("b")
ENDING, SAYING = ((END, 100.0),), ((A, 100.0),)  # biases of a model that would end at once, or say "a" for ever


@pytest.fixture(scope="module")
def engine() -> TextEngine:
    return tiny.engine(context=4096)


@pytest.mark.parametrize(
    ("asked", "said", "reason", "tokens"),
    [
        ({"logit_bias": ENDING}, None, "stop", 1),
        ({"logit_bias": ENDING, "min_tokens": 5}, None, "stop", 6),
        ({"logit_bias": ENDING, "ignore_eos": True, "max_tokens": 7}, None, "length", 7),
        ({"logit_bias": SAYING, "max_tokens": 3}, "aaa", "length", 3),
        ({"logit_bias": SAYING, "stop_token_ids": (A,)}, "", "stop", 1),
        ({"logit_bias": SAYING, "stop_token_ids": (B, A), "include_stop_str_in_output": True}, "a", "stop", 1),
        ({"logit_bias": SAYING, "stop": ("aa",)}, "", "stop", 2),
        ({"logit_bias": SAYING, "stop": ("aa",), "include_stop_str_in_output": True}, "aa", "stop", 2),
        ({"logit_bias": SAYING, "stop": ("a",), "min_tokens": 3}, "aaa", "stop", 4),
        (
            {"logit_bias": SAYING, "stop": ("a",), "min_tokens": 3, "include_stop_str_in_output": True},
            "aaaa",
            "stop",
            4,
        ),
    ],
)
def test_when_an_answer_ends(
    engine: TextEngine, asked: dict[str, Any], said: str | None, reason: str, tokens: int
) -> None:
    batch = run(engine, chat("hi", **asked), chat("hi", max_tokens=4))
    assert said is None or batch.text("0") == said
    assert (batch.reason("0"), batch.usage("0").completion_tokens) == (reason, tokens)
    assert batch.text("1") == texts(engine, [chat("hi", max_tokens=4)])[0]


def test_stop_tokens_are_not_drawn_before_their_time(engine: TextEngine) -> None:
    batch = run(engine, chat("hi", logit_bias=SAYING, stop_token_ids=(A,), min_tokens=3))
    assert (batch.reason("0"), batch.usage("0").completion_tokens) == ("stop", 4)
    assert "a" not in [event.text for event in batch.heard["0"] if isinstance(event, events.Delta)]


def test_a_grammar_that_has_come_to_its_end_ends_the_answer(engine: TextEngine) -> None:
    form = Constraint("regex", "[a-c]{3}", "guided_regex")
    batch = run(engine, chat("hi", constraint=form, ignore_eos=True, min_tokens=9))
    assert re.fullmatch("[a-c]{3}", batch.text("0")) and batch.reason("0") == "stop"


def test_a_draft_changes_nothing_in_when_an_answer_ends() -> None:
    asked = [
        chat("hi", logit_bias=((END, 2.0),), ignore_eos=True, max_tokens=24, temperature=1.0, seed=1),
        chat("hi", logit_bias=((END, 2.0),), min_tokens=12, max_tokens=24, temperature=1.0, seed=2),
    ]
    drafting = tiny.engine(draft=tiny.model(seed=1))
    for one in asked:
        assert texts(drafting, [one]) == texts(tiny.engine(), [one])


@pytest.mark.parametrize("n", [1, 3])
def test_deltas_say_of_how_many_tokens_they_are_where_that_is_wanted(engine: TextEngine, n: int) -> None:
    batch = run(engine, chat("hi", n=n, count_tokens=True, max_tokens=40, temperature=1.0, seed=5), chat("hi"))
    told = [[event.tokens for event in heard if isinstance(event, events.Delta)] for heard in batch.heard.values()]
    assert sum(told[0]) == batch.usage("0").completion_tokens and not any(told[1])


def test_a_token_that_does_not_exist_ends_nothing(engine: TextEngine) -> None:
    with pytest.raises(Exception, match="token 517 does not exist") as caught:
        engine.prepare(chat("hi", stop_token_ids=(A, 517)))
    assert caught.value.failure.param == "stop_token_ids[1]"


@pytest.mark.parametrize(("skip", "text"), [(False, "a<|mark|>b"), (True, "ab")])
def test_special_tokens_are_shown_or_not(skip: bool, text: str) -> None:
    words = tiny.tokenizer()._tokenizer
    words.add_special_tokens({"additional_special_tokens": ["<|mark|>"]})
    answer = Answer(words.decode, Vocabulary(words), (), Ending(skip_special_tokens=skip), AnswerFormat().parser(), str)
    emitted = [answer.feed(token, None) for token in (A, words.convert_tokens_to_ids("<|mark|>"), B)]
    assert "".join(one.text for one in [*emitted, answer.flush()]) == text


def test_a_prompt_may_end_without_what_makes_the_model_answer(engine: TextEngine) -> None:
    with_, without = (engine.prepare(chat("hi", generation_prompt=wanted)).plan.prompts[0] for wanted in (True, False))
    assert WORDS.decode(with_) == WORDS.decode(without) + "</s><assistant>"


@pytest.mark.parametrize(
    ("effort", "template", "taken"),
    [
        ("max", "Reasoning: {{ reasoning_effort }}", "high"),
        ("xhigh", "Reasoning: {{ reasoning_effort }}", "high"),
        ("minimal", "Reasoning: {{ reasoning_effort }}", "low"),
        ("none", "Reasoning: {{ reasoning_effort }}", "low"),
        ("medium", "Reasoning: {{ reasoning_effort }}", "medium"),
        ("max", "{% if reasoning_effort == 'max' %}", "max"),
        ("xhigh", '{% if reasoning_effort == "max" %}', "high"),
        ("minimal", "{% if reasoning_effort in ['minimal', 'high'] %}", "minimal"),
        ("none", "{% if reasoning_effort == 'none' %}", "none"),
        ("ultra", "Reasoning: {{ reasoning_effort }}", "ultra"),
    ],
)
def test_an_effort_is_the_nearest_that_the_template_knows(effort: str, template: str, taken: str) -> None:
    assert nearest(effort, template) == taken


FORMS = [
    (Constraint("regex", r"[a-c]{2}\n\"[x-z]{1,3}", "p"), r'[a-c]{2}\n"[x-z]{1,3}'),
    (
        Constraint("grammar", 'start: ("SELECT " | "say \\"") COLUMN\nCOLUMN: /[a-c]{2}/ "\\n"', "p"),
        r'(SELECT |say ")[a-c]{2}\n',
    ),
]


@pytest.mark.parametrize(("form", "pattern"), FORMS)
@pytest.mark.parametrize("thinking", [None, "qwen3"])
@pytest.mark.parametrize("choice", [ToolChoice("required"), ToolChoice("required", "write")])
def test_a_tool_s_text_has_the_form_that_it_must_have(
    form: Constraint, pattern: str, thinking: str | None, choice: ToolChoice
) -> None:
    reasoning = registry.find("reasoning", thinking) if thinking else None
    model = speaking(tiny.engine(), reasoning=reasoning)
    tools = (Tool("write", form=form), *([Tool("other")] if choice.name else []))
    told = {"tools": tools, "tool_choice": choice, "max_tokens": 300, "thinking_budget": 5}
    asked = [job(ChatRequest((Message("user", "hi"),), seed=seed, **told)) for seed in range(4)]
    batch = run(model, *asked)
    for number in range(len(asked)):
        (name, given), *others = _calls(batch, str(number))
        assert not others and name == "write" and batch.reason(str(number)) == "tool_calls"
        assert re.fullmatch(pattern, json.loads(given)["input"].lstrip("\n "))


def _calls(batch: Batch, name: str) -> list[tuple[str, str]]:
    pieces = [call for event in batch.heard[name] if isinstance(event, events.Delta) for call in event.calls]
    numbers = sorted({call.number for call in pieces})
    return [
        (
            "".join(call.name for call in pieces if call.number == number),
            "".join(call.arguments for call in pieces if call.number == number),
        )
        for number in numbers
    ]


AS_THEY_ARE = ("qwen3_coder", "glm4_moe", "minimax_m2", "seed_oss", "deepseek_v32", "gemma4", "hy3")  # and so strings


@pytest.mark.parametrize(
    ("form", "pattern", "written"),
    [
        *((*FORMS[0], name) for name in ("hermes", "mistral", "pythonic", *AS_THEY_ARE)),
        *((*FORMS[1], name) for name in AS_THEY_ARE),  # nobody can say how its texts stand in a JSON string
    ],
)
def test_it_has_where_several_tools_may_be_called(form: Constraint, pattern: str, written: str) -> None:
    model = speaking(tiny.engine(), tools=registry.find("tools", written))
    text = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
    # Of the two tools the second has its own form, so that whichever is called has one.
    other = Constraint("regex", "[d-f]{3}", "q")
    tools = (Tool("write", parameters=text, form=form), Tool("other", parameters=text, form=other))
    told = {"tools": tools, "tool_choice": ToolChoice("required"), "max_tokens": 600}
    asked = [job(ChatRequest((Message("user", "hi"),), seed=seed, **told)) for seed in range(6)]
    batch = run(model, *asked)
    called = [call for number in range(len(asked)) for call in _calls(batch, str(number))]
    assert {name for name, _ in called} <= {"write", "other"} and called
    for name, given in called:
        expected = pattern if name == "write" else other.source
        assert re.fullmatch(expected, json.loads(given)["input"]), (name, given)


def test_a_form_that_cannot_be_compiled_is_refused_by_its_field(engine: TextEngine) -> None:
    text = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
    wrong = Constraint("grammar", "start: missing", "tools[1].custom.format.grammar.definition")
    tools = (Tool("look"), Tool("write", parameters=text, form=wrong))
    with pytest.raises(InvalidValue) as refusal:
        engine.prepare(chat("hi", tools=tools, tool_choice=ToolChoice("required")))
    assert refusal.value.failure.param == wrong.param
