from tests.workers.parsers.tools.table import LIST, WEATHER, UnfinishedCall, case, situations

W = '{"name": "get_weather", "arguments": {"city": "Paris", "days": 3}}'
N = '{"name": "note", "arguments": {"text": "123", "tags": ["a", "b"], "meta": {"n": 1}, "pinned": true}}'
L = '{"name": "list_all", "arguments": {}}'
D = '{"name": "files.read-all_v2", "arguments": {"path": "a/b.txt"}}'


def calls(*objects: str) -> str:
    return "<|tool_call|>[" + ",".join(objects) + "]<|/tool_call|>"


CASES = [
    *situations(calls(W), calls(N), calls(W, N), calls(L), calls(D)),
    case("<|tool_call|>" + W + "<|/tool_call|>\n<|tool_call|>" + L + "<|/tool_call|>", "", WEATHER, LIST),
    case("<|tool_call|>" + W + "<|/tool_call|><|tool_call|>" + L + "<|/tool_call|>", "", WEATHER, LIST),
    case("functools[" + W + ", " + L + "]", "", WEATHER, LIST),
    case("ok functools" + W + " ok", "ok  ok", WEATHER),
    case("import functools\n", "import functools\n"),
    case("functools.wraps and funct", "functools.wraps and funct"),
    case("functools[0]", "functools[0]"),
    case("<|tool_call|>x<|/tool_call|>", "<|tool_call|>x<|/tool_call|>"),
    case('functools[{"name": "f", "arguments": {"a": [}}]', "}}]", UnfinishedCall("f", '{"a": [')),
    case(calls(W)[:-3], "<|/tool_cal", WEATHER),
]
