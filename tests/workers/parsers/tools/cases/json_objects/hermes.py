from tests.workers.parsers.tools.table import LIST, WEATHER, UnfinishedCall, case, situations

W = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris", "days": 3}}\n</tool_call>'
N = (
    '<tool_call>\n{"name": "note", '
    '"arguments": {"text": "123", "tags": ["a", "b"], "meta": {"n": 1}, "pinned": true}}\n</tool_call>'
)
L = '<tool_call>\n{"name": "list_all", "arguments": {}}\n</tool_call>'
D = '<tool_call>\n{"name": "files.read-all_v2", "arguments": {"path": "a/b.txt"}}\n</tool_call>'
CASES = [
    *situations(W, N, W + "\n" + N, L, D),
    case(W + L, "", WEATHER, LIST),
    case(W + " \n\t " + L + " .", " .", WEATHER, LIST),
    case(W + "and" + L, "and", WEATHER, LIST),
    # no line breaks, another order, other keys
    case('<tool_call>{"arguments":{"city":"Paris","days":3},"name":"get_weather"}</tool_call>', "", WEATHER),
    case('<tool_call>{"name":"get_weather","parameters":{"city":"Paris","days":3}}</tool_call>', "", WEATHER),
    case('<tool_call>{"type": "function", "name": "list_all", "arguments": {}}</tool_call>', "", LIST),
    case('<tool_call>{"id": "call_7", "name": "list_all", "arguments": {}}</tool_call>', "", (*LIST, "call_7")),
    case(
        '<tool_call>{"type": "function", "function": {"name": "list_all", "arguments": {}}}</tool_call>',
        "",
        LIST,
    ),
    case('<tool_call>{"x": [1, {"y": "}"}], "name": "list_all", "arguments": {}}</tool_call>', "", LIST),
    # no arguments at all
    case('<tool_call>{"name": "list_all"}</tool_call>', "", LIST),
    case('<tool_call>{"name": "list_all", "arguments": null}</tool_call>', "", LIST),
    case('<tool_call>{"name": "list_all", "arguments": ""}</tool_call>', "", LIST),
    # arguments as a string of JSON
    case(
        '<tool_call>{"name": "get_weather", "arguments": "{\\"city\\": \\"Paris\\", \\"days\\": 3}"}</tool_call>',
        "",
        WEATHER,
    ),
    case(
        '<tool_call>{"name": "f", "arguments": "{\\"a\\": \\"\\\\u00e9\\\\n\\ud83d\\ude00\\"}"}</tool_call>',
        "",
        ("f", {"a": "é\n😀"}),
    ),
    case('<tool_call>{"arguments": "{\\"a\\": 1}", "name": "f"}</tool_call>', "", ("f", {"a": 1})),
    # lists, several objects
    case(
        '<tool_call>[{"name": "list_all", "arguments": {}}, {"name": "f", "arguments": {}}]</tool_call>',
        "",
        LIST,
        ("f", {}),
    ),
    case('<tool_call>\n{"name": "list_all"}\n{"name": "f"}\n</tool_call>', "", LIST, ("f", {})),
    # values
    case(
        '<tool_call>{"name": "f", "arguments": {"a": "</tool_call>", "b": "{\\"}"}}</tool_call>',
        "",
        ("f", {"a": "</tool_call>", "b": '{"}'}),
    ),
    case('<tool_call>{"name": "f", "arguments": {"a": "x\ny\t"}}</tool_call>', "", ("f", {"a": "x\ny\t"})),
    case(
        '<tool_call>{"name": "f", "arguments": {"a": [-0.5e-3, 0, null, []]}}</tool_call>',
        "",
        ("f", {"a": [-0.5e-3, 0, None, []]}),
    ),
    # what models forget
    case('<tool_call>{"name": "list_all", "arguments": {}', "", LIST),
    case('<tool_call>{"name": "list_all", "arguments": {}}', "", LIST),
    case('<tool_call>{"name": "list_all", "arguments": {}</tool_call>', "", LIST),
    case('<tool_call>{"name": "list_all", "arguments": {}} and more', " and more", LIST),
    # what is no call, or breaks off
    case("<tool_call>", "<tool_call>"),
    case("a <tool_ca", "a <tool_ca"),
    case("<tool_call>\n", "<tool_call>\n"),
    case("<tool_call>[]</tool_call>", "<tool_call>[]</tool_call>"),
    case("<tool_call>[1, 2]</tool_call>", "<tool_call>[1, 2]</tool_call>"),
    case("<tool_call>not JSON</tool_call> x", "<tool_call>not JSON</tool_call> x"),
    case('<tool_call>{"name": ""}</tool_call>', '<tool_call>{"name": ""}</tool_call>'),
    case('<tool_call>{"name": 5, "arguments": {}}</tool_call>', '<tool_call>{"name": 5, "arguments": {}}</tool_call>'),
    case(
        '<tool_call>{"name": "f", "arguments": [1]}</tool_call>',
        '<tool_call>{"name": "f", "arguments": [1]}</tool_call>',
    ),
    case('<tool_call>{"name": "f", "argu', '<tool_call>{"name": "f", "argu'),
    case('<tool_call>{"arguments": {"a": 1}}</tool_call>', '<tool_call>{"arguments": {"a": 1}}</tool_call>'),
    case('<tool_call>{"name": "f", "arguments": {"a": "b', "", UnfinishedCall("f", '{"a": "b')),
    case(
        '<tool_call>{"name": "f", "arguments": {"a": tru}}</tool_call>',
        "}}</tool_call>",
        UnfinishedCall("f", '{"a": tru'),
    ),
    case(
        '<tool_call>{"name": "f", "arguments": {"a": 01}}</tool_call>',
        "1}}</tool_call>",
        UnfinishedCall("f", '{"a": 0'),
    ),
    case(
        '<tool_call>{"name": "f", "arguments": {"a": \'b\'}}</tool_call>',
        """<tool_call>{"name": "f", "arguments": {"a": 'b'}}</tool_call>""",
    ),
    case(
        '<tool_call>{"name": "f", "arguments": "{\\"a\\" 1}"}</tool_call>',
        '<tool_call>{"name": "f", "arguments": "{\\"a\\" 1}"}</tool_call>',
    ),
    # and goes on
    case("<tool_call>oops" + W, "<tool_call>oops", WEATHER),
    case(
        '<tool_call>{"name": "f", "arguments": {"a": }}</tool_call>\n' + W,
        '<tool_call>{"name": "f", "arguments": {"a": }}</tool_call>\n',
        WEATHER,
    ),
    case("<tool_call>\n" + W, "<tool_call>\n", WEATHER),
    case("</tool_call>" + L, "</tool_call>", LIST),
    case(L + "\n<tool_call>oops", "\n<tool_call>oops", LIST),
    case("<tool_call>" + '{"tool_calls": [' * 2000, "<tool_call>" + '{"tool_calls": [' * 2000),
    case("<tool_call>" + '{"function": ' * 2000, "<tool_call>" + '{"function": ' * 2000),
]
