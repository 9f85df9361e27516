from tests.workers.parsers.tools.table import LIST, NOTE, WEATHER, case, situations


def call(id: str, name: str, arguments: str) -> str:
    return f"<|tool_call:begin|>{id}<|tool_call:name|>{name}<|tool_call:args|>{arguments}<|tool_call:end|>"


def section(*calls: str) -> str:
    return "<|tool_calls|>" + "".join(calls)


W = call("a1", "get_weather", '{"city": "Paris", "days": 3}')
N = '{"text": "123", "tags": ["a", "b"], "meta": {"n": 1}, "pinned": true}'
FIRST = (*WEATHER, "a1")
CASES = [
    *situations(
        section(W),
        section(call("a1", "note", N)),
        section(W, call("b2", "note", N)),
        section(call("a1", "list_all", "{}")),
        section(call("a1", "files.read-all_v2", '{"path": "a/b.txt"}')),
        ids=("a1", "b2"),
    ),
    case("<|content|>Hello.", "Hello."),
    case("<|content|>Hello.<|end|>", "Hello."),
    case("<|begin|>assistant<|content|> Hello.\n", " Hello.\n"),
    case("<|content|>Hm.<|end|><|begin|>assistant" + section(W) + "<|calls|>", "Hm.", FIRST),
    case("Checking.<|flush|>" + section(W) + "<|calls|>", "Checking.", FIRST),
    case(section(W) + "<|end|><|begin|>assistant<|content|>Done", "Done", FIRST),
    case(W, "", FIRST),
    case(section(W) + "\n" + section(call("b2", "note", N)), "", FIRST, (*NOTE, "b2")),
    case(section("\n", W, "\n", W, "\n"), "\n", FIRST, FIRST),
    case(section(call("", "list_all", "{}")), "", LIST),
    case(section(call("a1", "list_all", "")), "", (*LIST, "a1")),
    case(section(W).removesuffix("<|tool_call:end|>"), "", FIRST),
    case("<|content|>Hel<|e", "Hel<|e"),
    case("<|tool_calls|>", "<|tool_calls|>"),
    case("<|tool_call:begin|>a1<|tool_call:name|>f", "<|tool_call:begin|>a1<|tool_call:name|>f"),
    case(call("a1", "", "{}"), call("a1", "", "{}")),
    case(call("a1", "f", "no"), call("a1", "f", "no")),
    case(call("a1", "f", '{"a": ?}'), call("a1", "f", '{"a": ?}')),
]
