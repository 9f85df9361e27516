from tests.workers.parsers.tools.table import LIST, TOOLS, WEATHER, UnfinishedCall, case, situations

W = (
    "<longcat_tool_call>get_weather\n<longcat_arg_key>city</longcat_arg_key>\n<longcat_arg_value>Paris</longcat_arg_value>\n"
    "<longcat_arg_key>days</longcat_arg_key>\n<longcat_arg_value>3</longcat_arg_value>\n</longcat_tool_call>"
)
N = (
    "<longcat_tool_call>note\n<longcat_arg_key>text</longcat_arg_key>\n<longcat_arg_value>123</longcat_arg_value>\n"
    '<longcat_arg_key>tags</longcat_arg_key>\n<longcat_arg_value>["a", "b"]</longcat_arg_value>\n'
    '<longcat_arg_key>meta</longcat_arg_key>\n<longcat_arg_value>{"n": 1}</longcat_arg_value>\n'
    "<longcat_arg_key>pinned</longcat_arg_key>\n<longcat_arg_value>true</longcat_arg_value>\n</longcat_tool_call>"
)
L = "<longcat_tool_call>list_all\n</longcat_tool_call>"
D = (
    "<longcat_tool_call>files.read-all_v2\n"
    "<longcat_arg_key>path</longcat_arg_key>\n<longcat_arg_value>a/b.txt</longcat_arg_value>\n</longcat_tool_call>"
)


def note(key: str, value: str) -> str:
    return (
        f"<longcat_tool_call>note\n<longcat_arg_key>{key}</longcat_arg_key>\n"
        f"<longcat_arg_value>{value}</longcat_arg_value>\n</longcat_tool_call>"
    )


CASES = [
    *situations(W, N, W + "\n" + N, L, D),
    case(W + L, "", WEATHER, LIST),
    case("<longcat_tool_call>list_all</longcat_tool_call>", "", LIST),
    case("<longcat_tool_call> list_all \n </longcat_tool_call>", "", LIST),
    # values as the schema wants them
    case(note("text", "true"), "", ("note", {"text": "true"})),
    case(note("text", '{"a": 1}'), "", ("note", {"text": '{"a": 1}'})),
    case(note("text", '  two\n lines \\ " \t'), "", ("note", {"text": '  two\n lines \\ " \t'})),
    case(note("text", ""), "", ("note", {"text": ""})),
    case(note("text", "a < b </arg> <"), "", ("note", {"text": "a < b </arg> <"})),
    case(note("score", "3"), "", ("note", {"score": 3})),
    case(note("score", " 2.5e1 "), "", ("note", {"score": 25.0})),
    case(note("score", "many"), "", ("note", {"score": "many"})),
    case(note("pinned", "True"), "", ("note", {"pinned": True})),
    case(note("title", "null"), "", ("note", {"title": None})),
    case(note("title", "          null "), "", ("note", {"title": None})),
    case(note("title", " " * 30), "", ("note", {"title": " " * 30})),
    case(note("title", "nul"), "", ("note", {"title": "nul"})),
    case(note("title", "nullable"), "", ("note", {"title": "nullable"})),
    case(note("title", "12"), "", ("note", {"title": "12"})),
    case(note("kind", "1"), "", ("note", {"kind": "1"})),
    case(note("either", "12"), "", ("note", {"either": 12})),
    case(note("either", "12a"), "", ("note", {"either": "12a"})),
    case(note("meta", "{'n': 1, 'ok': True}"), "", ("note", {"meta": {"n": 1, "ok": True}})),
    case(note("meta", '"{\\"n\\": 1}"'), "", ("note", {"meta": {"n": 1}})),
    case(note("unknown", "5"), "", ("note", {"unknown": 5})),
    case(note("unknown", "[1, 2"), "", ("note", {"unknown": "[1, 2"})),
    case(note("text", "5"), "", ("note", {"text": 5}), tools={}),
    case(note("text", "5"), "", ("note", {"text": "5"}), tools=TOOLS),
    # what is no call, or breaks off
    case("<longcat_tool_call>", "<longcat_tool_call>"),
    case("<longcat_tool_call></longcat_tool_call>", "<longcat_tool_call></longcat_tool_call>"),
    case("<longcat_tool_call>just talk</longcat_tool_call>", "<longcat_tool_call>just talk</longcat_tool_call>"),
    case("<longcat_tool_call>list_all", "<longcat_tool_call>list_all"),
    case("<longcat_tool_call>note\n<longcat_arg_ke", "<longcat_tool_call>note\n<longcat_arg_ke"),
    case("<longcat_tool_call>note\n<longcat_arg_key>te", "<longcat_arg_key>te", UnfinishedCall("note", "{")),
    case(
        "<longcat_tool_call>note<longcat_arg_key>text</longcat_arg_key><longcat_arg_value>to be con</longcat_arg",
        "</longcat_arg",
        UnfinishedCall("note", '{"text": "to be con'),
    ),
    case(
        "<longcat_tool_call>note<longcat_arg_key>score</longcat_arg_key><longcat_arg_value>12",
        "<longcat_arg_key>score</longcat_arg_key><longcat_arg_value>12",
        UnfinishedCall("note", "{"),
    ),
    case("<longcat_tool_call>oops oops" + W, "<longcat_tool_call>oops oops", WEATHER),
    case("<longcat_tool_call>list_all\n" + W, "", LIST, WEATHER),
]
