from tests.workers.parsers.tools.table import LIST, WEATHER, case, situations

HEAD = "<|message_sep|>\n\nfunction call<|role_sep|>\n"
W1 = '{"name": "get_weather", "arguments": {"city": "Paris", "days": 3}}'
N1 = '{"name": "note", "arguments": {"text": "123", "tags": ["a", "b"], "meta": {"n": 1}, "pinned": true}}'
L1 = '{"name": "list_all", "arguments": {}}'
D1 = '{"name": "files.read-all_v2", "arguments": {"path": "a/b.txt"}}'
CASES = [
    *situations(HEAD + W1, HEAD + N1, HEAD + W1 + HEAD + N1, HEAD + L1, HEAD + D1),
    case("<|function_call|>" + W1, "", WEATHER),
    case("I look.<|function_call|>" + W1 + "<|function_call|>" + L1, "I look.", WEATHER, LIST),
    case("function call<|role_sep|>\n" + W1, "", WEATHER),
    case(HEAD + W1 + "<|message_sep|>", "", WEATHER),
    case("<|function_call|>{x}", "<|function_call|>{x}"),
    case("a function call is", "a function call is"),
]
