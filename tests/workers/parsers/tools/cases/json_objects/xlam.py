from tests.workers.parsers.tools.table import LIST, WEATHER, case, situations

W = '{"name": "get_weather", "arguments": {"city": "Paris", "days": 3}}'
N = '{"name": "note", "arguments": {"text": "123", "tags": ["a", "b"], "meta": {"n": 1}, "pinned": true}}'
L = '{"name": "list_all", "arguments": {}}'
D = '{"name": "files.read-all_v2", "arguments": {"path": "a/b.txt"}}'
CASES = [
    *situations(f"[{W}]", f"[{N}]", f"[{W}, {N}]", f"[{L}]", f"[{D}]", line="\n"),
    case(W, "", WEATHER),
    case('{"tool_calls": [' + W + ", " + L + "]}", "", WEATHER, LIST),
    case('{"tool_calls": []}', '{"tool_calls": []}'),
    case("```json\n[" + W + "]\n```", "", WEATHER),
    case("Here:\n```json\n[" + W + "]\n```\nDone", "Here:\n\nDone", WEATHER),
    case("<tool_call>[" + W + "]</tool_call>", "", WEATHER),
    case("```json\n[1]\n```", "```json\n[1]\n```"),
    case('```json\n{"name": "Bob"}\n```', '```json\n{"name": "Bob"}\n```'),
    case("[]", "[]"),
    case("[1, 2]", "[1, 2]"),
    case("[a link](there)", "[a link](there)"),
    case('[{"name": "Bob", "age": 5}]', '[{"name": "Bob", "age": 5}]'),
    case('[{"name": "f", "arguments": {"a": ', '[{"name": "f", "arguments": {"a": '),
    case(f"[{W}, ", ", ", WEATHER),
    case('{"tool_calls": [' * 2000, '{"tool_calls": [' * 2000),
    case('{"function": ' * 2000, '{"function": ' * 2000),
]
