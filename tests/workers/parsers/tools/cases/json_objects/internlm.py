from tests.workers.parsers.tools.table import LIST, WEATHER, case, situations


def call(text: str) -> str:
    return "<|action_start|><|plugin|>\n" + text + "<|action_end|>"


W = call('{"name": "get_weather", "parameters": {"city": "Paris", "days": 3}}')
N = call('{"name": "note", "parameters": {"text": "123", "tags": ["a", "b"], "meta": {"n": 1}, "pinned": true}}')
L = call('{"name": "list_all", "parameters": {}}')
D = call('{"name": "files.read-all_v2", "parameters": {"path": "a/b.txt"}}')
CASES = [
    *situations(W, N, W + "\n" + N, L, D),
    case(W.replace("\n", ""), "", WEATHER),
    case(W.replace("parameters", "arguments"), "", WEATHER),
    case(W + L, "", WEATHER, LIST),
    case(W.removesuffix("<|action_end|>"), "", WEATHER),
    case(
        "<|action_start|><|interpreter|>print(1)<|action_end|>", "<|action_start|><|interpreter|>print(1)<|action_end|>"
    ),
    case("<|action_start|><|plug", "<|action_start|><|plug"),
    case("<|action_start|><|plugin|>no", "<|action_start|><|plugin|>no"),
    case(call('{"name": "f", "parameters": {"a" 1}}'), call('{"name": "f", "parameters": {"a" 1}}')),
    case("<|action_start|>" + L, "<|action_start|>", LIST),
]
