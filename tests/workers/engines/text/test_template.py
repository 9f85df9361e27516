"""What published chat templates take, and that conversations come through them whole."""

from __future__ import annotations

import pytest

from tasks.values.errors import InvalidValue
from tasks.values.messages import Message
from tests.support import chat_templates
from tests.support.chat_templates import TALKS
from workers.engines.text.prompts import Prompts
from workers.engines.text.template import TemplateSupport

# What no form of a turn brings into a prompt.
LOST: dict[str, set[str]] = {
    # It reads a description of every parameter, which JSON schemas need not have.
    "CohereForAI-c4ai-command-r-plus-tool_use": {"tools without description"},
    # It wants the functions as a text of its own under another name.
    "fireworks-ai-llama-3-firefunction-v2": set(TALKS),
    # It is written for llama.cpp, and makes JSON of what Jinja cannot.
    "llama-cpp-deepseek-r1": {talk for talk, one in TALKS.items() if one.tools},
}


@pytest.fixture(scope="module", params=chat_templates.published())
def template(request: pytest.FixtureRequest) -> tuple[str, Prompts]:
    return request.param, chat_templates.prompts(chat_templates.published()[request.param])


def test_every_talk_is_rendered_with_all_that_is_said_in_it(template: tuple[str, Prompts]) -> None:
    name, prompts = template
    lost = {talk for talk, one in TALKS.items() if not chat_templates.shown(prompts, one)}
    assert lost == LOST.get(name, set())


@pytest.mark.parametrize(
    ("refuses", "support"),
    [
        ("{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}", {"system": False}),
        (
            "{% for m in messages %}{% for c in m.tool_calls or [] %}{% if c.id | length != 9 %}"
            "{{ raise_exception('ids') }}{% endif %}{% endfor %}{% endfor %}",
            {"short_ids": True},
        ),
        (
            "{% for m in messages %}{% if m.tool_calls and m.tool_calls | length > 1 %}"
            "{{ raise_exception('one at once') }}{% endif %}{% endfor %}",
            {"parallel": False},
        ),
        (
            "{% for m in messages %}{% if m.tool_calls and m.content %}"
            "{{ raise_exception('content') }}{% endif %}{% endfor %}",
            {"beside": False, "both": False},
        ),
        (
            "{% for tool in tools %}{% endfor %}{% if tools is not defined %}{{ none.x.y }}{% endif %}",
            {"no_tools": True},
        ),
        (
            "{% for m in messages %}{% if m.tool_calls and m.content and m.thinking %}"
            "{{ raise_exception('both') }}{% endif %}{% endfor %}",
            {"both": False, "thoughts": ("thinking",)},
        ),
    ],
)
def test_what_a_template_refuses_is_found_out(refuses: str, support: dict[str, object]) -> None:
    assert chat_templates.prompts(refuses + PLAIN).template_support == TemplateSupport()._replace(**support)  # type: ignore[arg-type]


PLAIN = """{% for message in messages %}<|{{ message.role }}|>{{ message.content or '' }}
{% for call in message.tool_calls or [] %}<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>{% endfor %}{% endfor %}{% if tools %}{{ tools | tojson }}{% endif %}"""


def test_a_template_that_shows_all_is_given_all() -> None:
    assert chat_templates.prompts(PLAIN).template_support == TemplateSupport()


@pytest.mark.parametrize(
    ("arguments", "objects"),
    [
        ("{{ call.function.arguments }}", False),
        ("{% for k, v in call.function.arguments.items() %}{{ k }}{{ v }}{% endfor %}", True),
    ],
)
def test_arguments_are_of_the_kind_that_a_template_can_show(arguments: str, objects: bool) -> None:
    template = PLAIN.replace("{{ call.function.arguments | tojson }}", arguments)
    found = chat_templates.prompts(template).template_support
    assert found.calls and (found.objects or not objects)


def test_a_template_without_calls_and_results_has_them_written_as_text() -> None:
    prompts = chat_templates.prompts(
        "{% for m in messages if m.role != 'tool' %}{{ m.content }}{% endfor %}{{ tools }}<tool_call>arguments"
    )
    assert not prompts.template_support.calls and not prompts.template_support.results
    assert chat_templates.shown(prompts, TALKS["two calls"])


def test_what_a_template_says_of_a_refusal_is_the_error_s_message() -> None:
    prompts = chat_templates.prompts("{{ raise_exception('Roles must alternate!') }}")
    with pytest.raises(InvalidValue, match="the model's chat template refuses these messages: Roles must alternate!"):
        chat_templates.rendered(prompts, TALKS["user"])


@pytest.mark.parametrize(
    "escape", ["{{ ''.__class__.__mro__ }}", "{{ messages.__init__.__globals__ }}", "{{ messages.append(1) }}"]
)
def test_a_template_runs_in_a_sandbox(escape: str) -> None:
    with pytest.raises(InvalidValue, match="refuses these messages"):
        chat_templates.rendered(chat_templates.prompts(escape), TALKS["user"])


def test_thinking_is_kept_or_dropped_as_the_template_has_it() -> None:
    talk = [Message("user", "quser"), Message("assistant", "qanswer", reasoning="qthought"), Message("user", "qmore")]
    for expression, kept in (("message.reasoning_content", True), ("message['thinking']", True), ("''", False)):
        template = PLAIN.replace("{{ message.content or '' }}", "{{ message.content }}{{ " + expression + " }}")
        text = chat_templates.rendered(chat_templates.prompts(template), chat_templates.Talk(talk, ()))
        assert ("qthought" in text) is kept
