from tests.workers.parsers.tools.table import LIST, WEATHER, UnfinishedCall, case, situations

W = '{"name": "get_weather", "arguments": {"city": "Paris", "days": 3}}'
N = '{"name": "note", "arguments": {"text": "123", "tags": ["a", "b"], "meta": {"n": 1}, "pinned": true}}'
L = '{"name": "list_all", "arguments": {}}'
D = '{"name": "files.read-all_v2", "arguments": {"path": "a/b.txt"}}'


def calls(*objects: str) -> str:
    return "<|tool_call|>[" + ", ".join(objects) + "]"


CASES = [
    *situations(calls(W), calls(N), calls(W, N), calls(L), calls(D)),
    case("<|tool_call|> " + W, "", WEATHER),
    case("<tool_call>[" + W + "]", "", WEATHER),
    case("<tool_call>\n" + W + "\n</tool_call>", "", WEATHER),
    case(calls(W) + "\n" + calls(L), "", WEATHER, LIST),
    case("<|tool_call|>[", "<|tool_call|>["),
    case("<|tool_call|>[]", "<|tool_call|>[]"),
    case("<|tool_call|>[" + W, "", WEATHER),
    case("<|tool_call|>[" + W + "; oops", "; oops", WEATHER),
    case("<|tool_call|>[" + W + ', {"name": "f"', ', {"name": "f"', WEATHER),
    case('<|tool_call|>[{"name": "f", "arguments": {"a": 1, ]', "]", UnfinishedCall("f", '{"a": 1, ')),
]
