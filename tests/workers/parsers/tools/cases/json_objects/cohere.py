from tests.workers.parsers.tools.table import LIST, WEATHER, case, situations


def calls(*objects: str) -> str:
    return "<|START_ACTION|>[\n    " + ",\n    ".join(objects) + "\n]<|END_ACTION|>"


W = '{"tool_call_id": "0", "tool_name": "get_weather", "parameters": {"city": "Paris", "days": 3}}'
N = (
    '{"tool_call_id": "%d", "tool_name": "note", '
    '"parameters": {"text": "123", "tags": ["a", "b"], "meta": {"n": 1}, "pinned": true}}'
)
L = '{"tool_call_id": "0", "tool_name": "list_all", "parameters": {}}'
D = '{"tool_call_id": "0", "tool_name": "files.read-all_v2", "parameters": {"path": "a/b.txt"}}'
CASES = [
    *situations(calls(W), calls(N % 0), calls(W, N % 1), calls(L), calls(D), ids=("0", "1")),
    case("<|START_RESPONSE|>Hello.<|END_RESPONSE|>", "Hello."),
    case("<|START_RESPONSE|>Hel", "Hel"),
    case("<|START_TEXT|>Hello.<|END_TEXT|>", "Hello."),
    case("<|START_RESPONSE|>\n Hello <|END_RES", "\n Hello <|END_RES"),
    case("Action: ```json\n[" + W + "]\n```", "", (*WEATHER, "0")),
    case("Action:```json\n" + '[{"tool_name": "list_all", "parameters": {}}]```', "", LIST),
    case("Action: none", "Action: none"),
    case('<|START_ACTION|>{"tool_name": "list_all", "parameters": {}}<|END_ACTION|>', "", LIST),
    case("<|START_ACTION|>[]<|END_ACTION|>", "<|START_ACTION|>[]<|END_ACTION|>"),
    case("<|START_ACTION|>[\n", "<|START_ACTION|>[\n"),
    case(calls(W)[:-8], "<|END_", (*WEATHER, "0")),
    case(calls('{"tool_name": "f", "parameters": {"a": x}}'), calls('{"tool_name": "f", "parameters": {"a": x}}')),
]
