from tests.workers.parsers.tools.table import LIST, WEATHER, UnfinishedCall, case, situations

W = 'get_weather(city="Paris", days=3)'
N = "note(text='123', tags=['a', 'b'], meta={'n': 1}, pinned=True)"
L = "list_all()"
D = "files.read-all_v2(path='a/b.txt')"
CASES = [
    *situations(f"[{W}]", f"[{N}]", f"[{W}, {N}]", f"[{L}]", f"[{D}]", line="\n"),
    case(f"<|python_start|>[{W}]<|python_end|>", "", WEATHER),
    case(f"Sure <|python_start|>[{W}]<|python_end|> done", "Sure  done", WEATHER),
    case(f"<|tool_call_start|>[{W}, {L}]<|tool_call_end|>Done", "Done", WEATHER, LIST),
    case(f"<|tool_call_start|>[{W}]", "", WEATHER),
    case(f"[{W}]\n[{L}]", "", WEATHER, LIST),
    case(f"[ {W} ,\n {L} ]", "", WEATHER, LIST),
    case('[get_weather( city = "Paris" , days = 3, )]', "", WEATHER),
    case(
        "[f(a=None, b=true, c=null, d=-1.5e3, e=[], g={}, h=(1, 2))]",
        "",
        ("f", {"a": None, "b": True, "c": None, "d": -1500.0, "e": [], "g": {}, "h": [1, 2]}),
    ),
    case(
        '[f(a="x\\"y\\n\\t\\\\", b=\'it"s\', c="é\\u00e9\\x41")]',
        "",
        ("f", {"a": 'x"y\n\t\\', "b": 'it"s', "c": "ééA"}),
    ),
    case('[f(a="\\ud83d\\ude00", b="\\U0001F600", c="\\d+")]', "", ("f", {"a": "😀", "b": "😀", "c": "\\d+"})),
    case('[f(a="[g(x=1)], )]")]', "", ("f", {"a": "[g(x=1)], )]"})),
    case('[f(a="two\nlines")]', "", ("f", {"a": "two\nlines"})),
    case("[f(a={'k': [{'x': None}, 1]})]", "", ("f", {"a": {"k": [{"x": None}, 1]}})),
    case("[f(, b=1)]", "", ("f", {"b": 1})),
    case("[f(a=07, b=-00.5)]", ", b=-00.5)]", UnfinishedCall("f", '{"a": 7')),
    # between markers a list needs no brackets
    case("<|tool_call_start|>f(a=1)<|tool_call_end|>", "", ("f", {"a": 1})),
    case("<|tool_call_start|>f(a=1), g()<|tool_call_end|> so", " so", ("f", {"a": 1}), ("g", {})),
    case("<function_calls>f(a=1)</function_calls>", "", ("f", {"a": 1})),
    case("<function_calls>\nf(a=1)\ng(b='x')\n</function_calls>", "", ("f", {"a": 1}), ("g", {"b": "x"})),
    case("<function_calls>f(a=1)", "", ("f", {"a": 1})),
    case("<function_calls>f(x)</function_calls>", "<function_calls>f(x)</function_calls>"),
    # brackets that are text
    case("[a link](https://x)", "[a link](https://x)"),
    case("[1, 2, 3]", "[1, 2, 3]"),
    case("[f(x)]", "[f(x)]"),
    case("[f(1)]", "[f(1)]"),
    case("[see f(x=1)]", "[see f(x=1)]"),
    case("[f(x=y)]", "[f(x=y)]"),
    case("call [f(x=1)] now", "call [f(x=1)] now"),
    case("[", "["),
    case("- [ ] todo\n[x] done", "- [ ] todo\n[x] done"),
    case("<|python_start|>print(1)<|python_end|>", "<|python_start|>print(1)<|python_end|>"),
    # what breaks off
    case("[f(a=", "[f(a="),
    case('[f(a="b', "", UnfinishedCall("f", '{"a": "b')),
    case("[f(a=1, b=c)]", ", b=c)]", UnfinishedCall("f", '{"a": 1')),
    case(f"[{L}, oops]", ", oops]", LIST),
    case(f"[{L}", "", LIST),
]
