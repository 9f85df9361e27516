from tests.workers.parsers.tools.table import LIST, WEATHER, UnfinishedCall, case, situations


def call(*calls: str) -> str:
    return "<|tools_prefix|>[" + ", ".join(calls) + "]<|tools_suffix|>"


W1 = '{"get_weather": {"city": "Paris", "days": 3}}'
N1 = '{"note": {"text": "123", "tags": ["a", "b"], "meta": {"n": 1}, "pinned": true}}'
L1, D1 = '{"list_all": {}}', '{"files.read-all_v2": {"path": "a/b.txt"}}'
W = call(W1)
CASES = [
    *situations(W, call(N1), call(W1, N1), call(L1), call(D1)),
    case("<|tools_prefix|>" + W1 + "<|tools_suffix|>", "", WEATHER),
    case(W.removesuffix("<|tools_suffix|>"), "", WEATHER),
    case(W.removesuffix("]<|tools_suffix|>"), "", WEATHER),
    case(W.removesuffix("}]<|tools_suffix|>"), "", WEATHER),
    case("<|tools_prefix|> [ " + W1 + " ,\n" + L1 + " ] <|tools_suffix|>", "", WEATHER, LIST),
    case("<|tools_prefix|>[]<|tools_suffix|>", "<|tools_prefix|>[]<|tools_suffix|>"),
    case("<|tools_prefix|>[{f}]", "<|tools_prefix|>[{f}]"),
    case('<|tools_prefix|>[{"f": {x}}]', '<|tools_prefix|>[{"f": {x}}]'),
    case('<|tools_prefix|>[{"f": {"a": "b', "", UnfinishedCall("f", '{"a": "b')),
]
