from tests.workers.parsers.tools.table import LIST, WEATHER, Broken, case, situations

OPEN, CLOSE = "<tool_calls>", "</tool_calls>"


def call(*calls: str) -> str:
    return OPEN + "[" + ", ".join(calls) + "]" + CLOSE


W1 = '{"name": "get_weather", "arguments": {"city": "Paris", "days": 3}}'
N1 = '{"name": "note", "arguments": {"text": "123", "tags": ["a", "b"], "meta": {"n": 1}, "pinned": true}}'
L1 = '{"name": "list_all", "arguments": {}}'
D1 = '{"name": "files.read-all_v2", "arguments": {"path": "a/b.txt"}}'
W = call(W1)
CASES = [
    *situations(W, call(N1), call(W1, N1), call(L1), call(D1)),
    case(OPEN + W1 + CLOSE, "", WEATHER),
    case(OPEN + W1 + "\n" + L1 + CLOSE, "", WEATHER, LIST),
    case(W.removesuffix(CLOSE), "", WEATHER),
    case(call(W1.replace("}}", '}, "id": "0"}')), "", WEATHER),
    case(call(W1.replace('{"city": "Paris", "days": 3}', '"{\\"city\\": \\"Paris\\", \\"days\\": 3}"')), "", WEATHER),
    case(call(), OPEN + "[]" + CLOSE),
    case(OPEN + "[{}]" + CLOSE, OPEN + "[{}]" + CLOSE),
    case(OPEN + '[{"name": "f", "arguments": {x}}]' + CLOSE, OPEN + '[{"name": "f", "arguments": {x}}]' + CLOSE),
    case(OPEN + '[{"name": "f", "arguments": {"a": "' + CLOSE, "", Broken("f", '{"a": "' + CLOSE)),
]
