from tests.workers.parsers.tools.table import WEATHER, UnfinishedCall, case, situations


def section(*calls: str) -> str:
    return "<|tool_calls_section_begin|>" + "".join(calls) + "<|tool_calls_section_end|>"


def call(id: str, arguments: str) -> str:
    return f"<|tool_call_begin|>{id}<|tool_call_argument_begin|>{arguments}<|tool_call_end|>"


A = '{"city": "Paris", "days": 3}'
B = '{"text": "123", "tags": ["a", "b"], "meta": {"n": 1}, "pinned": true}'
W = call("functions.get_weather:0", A)


FIRST, SECOND = (*WEATHER, "functions.get_weather:0"), ("note", {}, "functions.note:1")
CASES = [
    *[
        entry
        for entry in situations(section(W), "", "", "", "", ids=("functions.get_weather:0", "x"))
        if "begin" in entry.text and "Two" not in entry.text
    ],
    case(
        section(W, call("functions.note:1", B)),
        "",
        FIRST,
        ("note", {"text": "123", "tags": ["a", "b"], "meta": {"n": 1}, "pinned": True}, "functions.note:1"),
    ),
    case(section(W, call("functions.note:1", "{}")), "", FIRST, SECOND),
    case(section(W) + "\n" + section(call("functions.note:1", "{}")), "", FIRST, SECOND),
    case("No calls, <|tool", "No calls, <|tool"),
    # ids
    case(section(call("get_weather:0", A)), "", (*WEATHER, "get_weather:0")),
    case(section(call("get_weather", A)), "", WEATHER),
    case(
        section(call("functions.files.read-all_v2:12", '{"path": "p"}')),
        "",
        ("files.read-all_v2", {"path": "p"}, "functions.files.read-all_v2:12"),
    ),
    case(section(call("mcp.server.tool:3", "{}")), "", ("mcp.server.tool", {}, "mcp.server.tool:3")),
    case(section(call(" functions.f:0 ", " {} ")), "", ("f", {}, "functions.f:0")),
    case(section(call("functions.f:0", "")), "", ("f", {}, "functions.f:0")),
    case(section("\n  " + W + "\n  "), "", FIRST),
    case(W, "", FIRST),
    case(section(W).replace("tool_calls_section", "tool_call_section"), "", FIRST),
    case(section(W).removesuffix("<|tool_calls_section_end|>"), "", FIRST),
    case(section(W).replace("<|tool_call_end|>", ""), "", FIRST),
    case(section(call("functions.f:0", '"{\\"a\\": 1}"')), "", ("f", {"a": 1}, "functions.f:0")),
    # what is no call, or breaks off
    case(section(), section()),
    case("<|tool_calls_section_begin|>", "<|tool_calls_section_begin|>"),
    case("<|tool_calls_section_begin|>talk", "<|tool_calls_section_begin|>talk"),
    case("<|tool_call_begin|>functions.f:0", "<|tool_call_begin|>functions.f:0"),
    case("<|tool_call_begin|>" + "long " * 100, "<|tool_call_begin|>" + "long " * 100),
    case(section(call("", "{}")), section(call("", "{}"))),
    case(section(call("functions.f:0", "[1]")), section(call("functions.f:0", "[1]"))),
    case(section(W, "<|tool_call_begin|>oops"), "<|tool_call_begin|>oops<|tool_calls_section_end|>", FIRST),
    case(
        "<|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>" + '{"a": "b', "", UnfinishedCall("f", '{"a": "b')
    ),
    case("<|tool_call_begin|>x" + section(W), "<|tool_call_begin|>x", FIRST),
]
