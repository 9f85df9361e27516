from tests.workers.parsers.tools.table import LIST, WEATHER, case, situations


def section(*calls: str) -> str:
    return "<minimax:tool_call>\n" + "\n".join(calls) + "\n</minimax:tool_call>"


def call(name: str, *parameters: str) -> str:
    return f'<invoke name="{name}">\n' + "".join(parameters) + "</invoke>"


def parameter(key: str, value: str) -> str:
    return f'<parameter name="{key}">{value}</parameter>\n'


W = call("get_weather", parameter("city", "Paris"), parameter("days", "3"))
N = call(
    "note",
    parameter("text", "123"),
    parameter("tags", '["a", "b"]'),
    parameter("meta", '{"n": 1}'),
    parameter("pinned", "true"),
)
L = call("list_all")
D = call("files.read-all_v2", parameter("path", "a/b.txt"))


def note(key: str, value: str) -> str:
    return section(call("note", parameter(key, value)))


CASES = [
    *situations(section(W), section(N), section(W, N), section(L), section(D)),
    case(section(W) + "\n" + section(L), "", WEATHER, LIST),
    case(section(W, L, L), "", WEATHER, LIST, LIST),
    case(W, "", WEATHER),
    case(section(W).replace("\n", ""), "", WEATHER),
    case(section(W).removesuffix("</minimax:tool_call>"), "\n", WEATHER),
    case(note("text", " a\n b \n"), "", ("note", {"text": " a\n b \n"})),
    case(note("text", "1 < 2 & <b>"), "", ("note", {"text": "1 < 2 & <b>"})),
    case(note("title", "None at all"), "", ("note", {"title": "None at all"})),
    case(note("score", "1e3"), "", ("note", {"score": 1000.0})),
    case(note("pinned", "false"), "", ("note", {"pinned": False})),
    case(note("either", "7"), "", ("note", {"either": 7})),
    case(section(), "<minimax:tool_call>\n\n</minimax:tool_call>"),
    case("<minimax:tool_call>", "<minimax:tool_call>"),
    case("<minimax:tool_call>\n<invoke name=", "<minimax:tool_call>\n<invoke name="),
    case("<invoke of>", "<invoke of>"),
    case(section(W, "oops"), "\noops\n</minimax:tool_call>", WEATHER),
    case(
        section(L, '<invoke name="f">\n<parameter name="a">1'),
        "",
        LIST,
        ("f", {"a": 1}),
    ),
    case("<minimax:tool_call>\nno" + section(W), "<minimax:tool_call>\nno", WEATHER),
    case(note("text", "123"), "", ("note", {"text": 123}), tools={}),
    case(note("unheard", "[1, 2]"), "", ("note", {"unheard": [1, 2]})),
    case(note("title", "null"), "", ("note", {"title": None})),
    case(note("title", "          null "), "", ("note", {"title": None})),
    case(note("title", " " * 30), "", ("note", {"title": " " * 30})),
    case(note("title", "nul"), "", ("note", {"title": "nul"})),
]
