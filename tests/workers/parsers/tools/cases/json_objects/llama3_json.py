from tests.workers.parsers.tools.table import FILE, LIST, WEATHER, UnfinishedCall, case, situations

W = '{"name": "get_weather", "parameters": {"city": "Paris", "days": 3}}'
N = '{"name": "note", "parameters": {"text": "123", "tags": ["a", "b"], "meta": {"n": 1}, "pinned": true}}'
L = '{"name": "list_all", "parameters": {}}'
D = '{"name": "files.read-all_v2", "parameters": {"path": "a/b.txt"}}'
CASES = [
    case("<|python_start|>" + W + "<|python_end|>", "", WEATHER),
    case("<|python_start|>x<|python_end|>" + W, "<|python_start|>x<|python_end|>" + W),
    *situations(W, N, W + "; " + N, L, D, line="\n"),
    case("<|python_tag|>" + W, "", WEATHER),
    case("Sure. <|python_tag|>" + W + ";" + L, "Sure. ", WEATHER, LIST),
    case("<|python_tag|>" + W + "<|python_tag|>" + L, "", WEATHER, LIST),
    case(W + "\n" + L + "\n\n" + D, "", WEATHER, LIST, FILE),
    case(W.replace("parameters", "arguments"), "", WEATHER),
    case('{"type": "function", "name": "list_all", "parameters": {}}', "", LIST),
    case('{"type": "function", "function": {"name": "list_all", "parameters": {}}}', "", LIST),
    case('{"function": "list_all", "parameters": {}}', "", LIST),
    case('{"name": "list_all", "parameters": "{}"}', "", LIST),
    case('{\n  "name": "list_all",\n  "parameters": {}\n}', "", LIST),
    # JSON that is an answer
    case('{"name": "Bob", "age": 5}', '{"name": "Bob", "age": 5}'),
    case('{"name": "Bob"}', '{"name": "Bob"}'),
    case('{"a": {"name": "f", "parameters": {}}}', '{"a": {"name": "f", "parameters": {}}}'),
    case("{}", "{}"),
    case("{", "{"),
    case("set {1, 2} and\n{3}", "set {1, 2} and\n{3}"),
    case("Like so: " + W, "Like so: " + W),
    case("`" + W + "`", "`" + W + "`"),
    case("```json\n" + W + "\n```", "```json\n\n```", WEATHER),
    case('<|python_tag|>brave_search.call(query="x")', '<|python_tag|>brave_search.call(query="x")'),
    # what breaks off
    case('{"name": "f", "parame', '{"name": "f", "parame'),
    case('{"name": "f", "parameters": {"a": 1', "", UnfinishedCall("f", '{"a": 1')),
    case(W + "; oops", "; oops", WEATHER),
    case(W + ";", ";", WEATHER),
    case('{"tool_calls": [' * 2000, '{"tool_calls": [' * 2000),
    case('{"function": ' * 2000, '{"function": ' * 2000),
]
