from tests.workers.parsers.tools.table import LIST, TOOLS, WEATHER, UnfinishedCall, case, situations

W = (
    "<tool_call>get_weather<arg_key>city</arg_key><arg_value>Paris</arg_value>"
    "<arg_key>days</arg_key><arg_value>3</arg_value></tool_call>"
)
N = (
    "<tool_call>note<arg_key>text</arg_key><arg_value>123</arg_value>"
    '<arg_key>tags</arg_key><arg_value>["a", "b"]</arg_value>'
    '<arg_key>meta</arg_key><arg_value>{"n": 1}</arg_value>'
    "<arg_key>pinned</arg_key><arg_value>true</arg_value></tool_call>"
)
L = "<tool_call>list_all</tool_call>"
D = "<tool_call>files.read-all_v2<arg_key>path</arg_key><arg_value>a/b.txt</arg_value></tool_call>"


def note(key: str, value: str) -> str:
    return f"<tool_call>note\n<arg_key>{key}</arg_key>\n<arg_value>{value}</arg_value>\n</tool_call>"


CASES = [
    *situations(W, N, W + "\n" + N, L, D),
    case(W + L, "", WEATHER, LIST),
    case("<tool_call>list_all</tool_call>", "", LIST),
    case("<tool_call> list_all \n </tool_call>", "", LIST),
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
    case("<tool_call>", "<tool_call>"),
    case("<tool_call></tool_call>", "<tool_call></tool_call>"),
    case("<tool_call>just talk</tool_call>", "<tool_call>just talk</tool_call>"),
    case("<tool_call>list_all", "<tool_call>list_all"),
    case("<tool_call>note\n<arg_ke", "<tool_call>note\n<arg_ke"),
    case("<tool_call>note\n<arg_key>te", "<arg_key>te", UnfinishedCall("note", "{")),
    case(
        "<tool_call>note<arg_key>text</arg_key><arg_value>to be con</arg",
        "</arg",
        UnfinishedCall("note", '{"text": "to be con'),
    ),
    case(
        "<tool_call>note<arg_key>score</arg_key><arg_value>12",
        "<arg_key>score</arg_key><arg_value>12",
        UnfinishedCall("note", "{"),
    ),
    case("<tool_call>oops oops" + W, "<tool_call>oops oops", WEATHER),
    case("<tool_call>list_all\n" + W, "", LIST, WEATHER),
]
