"""Names, markers and chat templates of the formats, how their arguments grow, and what a long answer costs."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from tests.workers.parsers.tools.outcome import FORMATS, emitted, outcome
from workers.parsers.detect import detect
from workers.parsers.parser_events import Arguments, CallBegun, Text

ALL = pytest.mark.parametrize("name", FORMATS)
TOOLS: dict[str, dict[str, Any]] = {"f": {"properties": {"s": {"type": "string"}}}}

# The lines of each family's published chat template that write a call, and no more of it.
TEMPLATES = {
    "hermes": """{{- '<tool_call>\\n{"name": "' + call.name + '", "arguments": ' + args + '}\\n</tool_call>' }}""",
    "qwen3_coder": "<tool_call>\n<function=name>\n<parameter=key>\nvalue\n</parameter>\n</function>\n</tool_call>",
    "glm4_moe": "<tool_call>{name}\n<arg_key>{key}</arg_key>\n<arg_value>{value}</arg_value>\n</tool_call>",
    "glm47": "<tool_call>{name}<arg_key>{key}</arg_key><arg_value>{value}</arg_value></tool_call>",
    "longcat_flash_lite": "<longcat_tool_call>{name}\n<longcat_arg_key>{key}</longcat_arg_key>",
    "minimax_m2": """{% set begin = '<minimax:tool_call>' %}<invoke name="f">\n<parameter name="k">v</parameter>""",
    "functiongemma": "{{ '<start_function_call>call:' + name + '{' }}<escape>{{ value }}<escape>",
    "gemma4": """{{- '<|tool_call>call:' + name + '{' -}}{{- '}<tool_call|>' -}}""",
    "kimi_k2": "<|tool_calls_section_begin|><|tool_call_begin|>{{ id }}<|tool_call_argument_begin|>{{ args }}",
    "solar_open": "{{ '<|tool_call:begin|>' + id + '<|tool_call:name|>' + name + '<|tool_call:args|>' + args }}",
    "harmony": """{{- "<|start|>assistant to=functions." ~ name ~ "<|channel|>commentary json<|message|>" ~ args }}""",
    "mistral": """{{- '[TOOL_CALLS]' + name + '[ARGS]' + arguments }}""",
    "llama3_json": (
        'respond in the format {"name": function name, '
        '"parameters": dictionary of argument name and its value}. Do not use variables. <|python_tag|>'
    ),
    "pythonic": "you MUST put it in the format of [func_name1(params_name1=params_value1), func_name2(params)]",
    "deepseek_v3": """{{'<｜tool▁call▁begin｜>' + type + '<｜tool▁sep｜>' + name + '\\n```json\\n' + args}}""",
    "deepseek_v31": """{{'<｜tool▁call▁begin｜>' + name + '<｜tool▁sep｜>' + args + '<｜tool▁call▁end｜>'}}""",
    "deepseek_v32": """{{ '<｜DSML｜function_calls>' }}<｜DSML｜invoke name="{{ name }}">""",
    "granite": "{{- '<|tool_call|>' + message.tool_calls | tojson }}",
    "phi4": "{{ '<|tool|>' + tools + '<|/tool|>' }}{{- '<|tool_call|>' + call + '<|/tool_call|>' -}}",
    "cohere": """<|START_ACTION|>[\n    {"tool_call_id": "0", "tool_name": "f", "parameters": {}}\n]<|END_ACTION|>""",
    "xlam": """in a JSON array: [{"name": "tool_call_name", "arguments": {"arg1": "value1"}}, ... ]""",
    "deepseek_v4": """{{ '<｜DSML｜tool_calls>' }}<｜DSML｜invoke name="{{ name }}">""",
    "seed_oss": "<seed:tool_call>\n<function=f>\n<parameter=k>v</parameter>\n</function>\n</seed:tool_call>",
    "minicpm5": """<function name="' + name + '"><param name="' + key + '">""",
    "muse": """<atem:function_calls>\n<atem:invoke name="{{ name }}">""",
    "minimax_m3": "{% set ns = ']<]minimax[>[' %}{{ ns + '<tool_call>' }}<tool_call> arguments",
    "kimi_k3": "{{- '<|open|>' + tag + '<|sep|>' -}}",
    "apertus": "{{- '<|tools_prefix|>[' }}",
    "hunyuan": """<tool_calls>[{"name": <function-name-1>, "arguments": <args-dict-1>}]</tool_calls>""",
    "nemotron_v2": "{{- '<TOOLCALL>[' -}}",
    "gigachat3": "{{ 'function call' + add_tokens.role_sep }}{% set add_tokens = namespace(role_sep='<|role_sep|>') %}",
    "hy_v3": "<tool_calls>\n<tool_call>{{ name }}<tool_sep>\n<arg_key>{{ key }}</arg_key>\n<arg_value>",
    "hy3": "{%- set HYTK = ':opensource' %}{%- set toolsep_token = '<tool_sep{}>'.format(HYTK) %}",
    "functionary_v31": '<function=example_function_name>{{ \'{"example_name": "value"}\' }}</function>',
    "functionary_v32": "{{ '>>>all\n' + message.content }}",
    "internlm": """{{ '<|action_start|><|plugin|>\\n' + call + '<|action_end|>' }}""",
}


def test_no_two_formats_share_a_name_and_each_has_its_own_first() -> None:
    names = Counter(name for form in FORMATS.values() for name in form.NAMES)
    assert names.most_common(1)[0][1] == 1
    assert all(form.NAMES[0] == name for name, form in FORMATS.items())


def test_the_reference_servers_names_are_known() -> None:
    known = {name for form in FORMATS.values() for name in form.NAMES}
    assert known >= {
        *("hermes", "qwen3", "qwen3_moe", "qwen3_vl", "qwen3_next", "iquest_coder_v1", "qwen3_coder", "nemotron3_nano"),
        *("step_35", "qwen3_5", "glm4_moe", "minimax_m2", "longcat_flash_lite", "functiongemma", "gemma4", "kimi_k2"),
        *("solar_open", "harmony"),
    }


@ALL
def test_a_chat_template_is_recognised(name: str) -> None:
    assert detect(TEMPLATES[name]).tools == name


@ALL
def test_a_template_without_tools_is_of_no_format(name: str) -> None:
    assert not FORMATS[name].recognises("{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}{% endfor %}")


@ALL
def test_a_call_is_emitted_before_its_arguments_and_they_grow_with_the_text(name: str) -> None:
    text = FORMATS[name].write([("f", {"s": "x" * 200})])
    parser = FORMATS[name].parser(TOOLS)
    events = [event for char in text[: text.index("x" * 200) + 100] for event in parser.feed(char)]
    assert isinstance(events[0], CallBegun)
    arguments = "".join(event.text for event in events if isinstance(event, Arguments))
    assert arguments.count("x") >= 99
    assert len(events) >= 100


@ALL
def test_text_that_begins_no_marker_is_emitted_at_once(name: str) -> None:
    parser = FORMATS[name].parser(TOOLS)
    parser.feed("It is: ~")  # an answer's first word may be a recipient
    for char in "plain.":
        assert list(parser.feed(char)) == [Text(char)]


@ALL
def test_neighbouring_events_of_one_kind_are_one(name: str) -> None:
    events = emitted(FORMATS[name], [FORMATS[name].write([("f", {"s": 'a\nb "c" ' * 9})])], TOOLS)
    assert [type(event).__name__ for event in events] == ["CallBegun", "Arguments", "CallEnded"]


@ALL
def test_deep_nesting_is_refused_and_not_raised(name: str) -> None:
    deep = "[" * 100_000
    text = (
        FORMATS[name]
        .write([("f", {"o": "MARK"})])
        .replace('"MARK"', deep)
        .replace("'MARK'", deep)
        .replace("MARK", deep)
    )
    content, calls = outcome(FORMATS[name], [text], {})
    assert not any(call.complete and len(json.loads(call.arguments)) != 1 for call in calls)
    assert content or calls
