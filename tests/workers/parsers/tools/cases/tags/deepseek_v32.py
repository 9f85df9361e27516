from tests.workers.parsers.tools.table import LIST, WEATHER, case, situations


def section(*calls: str) -> str:
    return "<｜DSML｜function_calls>\n" + "\n".join(calls) + "\n</｜DSML｜function_calls>"


def call(name: str, *parameters: str) -> str:
    return f'<｜DSML｜invoke name="{name}">\n' + "".join(parameters) + "</｜DSML｜invoke>"


def parameter(key: str, value: str, string: str = "true") -> str:
    return f'<｜DSML｜parameter name="{key}" string="{string}">{value}</｜DSML｜parameter>\n'


W = call("get_weather", parameter("city", "Paris"), parameter("days", "3", "false"))
N = call(
    "note",
    parameter("text", "123"),
    parameter("tags", '["a", "b"]', "false"),
    parameter("meta", '{"n": 1}', "false"),
    parameter("pinned", "true", "false"),
)
L = call("list_all")
D = call("files.read-all_v2", parameter("path", "a/b.txt"))


def note(key: str, value: str, string: str = "true") -> str:
    return section(call("note", parameter(key, value, string)))


CASES = [
    *situations(section(W), section(N), section(W, N), section(L), section(D)),
    case(section(W) + "\n" + section(L), "", WEATHER, LIST),
    case(section(W, L, L), "", WEATHER, LIST, LIST),
    case(W, "", WEATHER),
    case(section(W).replace("\n", ""), "", WEATHER),
    case(section(W).removesuffix("</｜DSML｜function_calls>"), "\n", WEATHER),
    case(note("text", " a\n b \n"), "", ("note", {"text": " a\n b \n"})),
    case(note("text", "1 < 2 & <b>"), "", ("note", {"text": "1 < 2 & <b>"})),
    case(note("title", "None at all"), "", ("note", {"title": "None at all"})),
    case(note("score", "1e3", "false"), "", ("note", {"score": 1000.0})),
    case(note("pinned", "false", "false"), "", ("note", {"pinned": False})),
    case(note("either", "7", "false"), "", ("note", {"either": 7})),
    case(section(), "<｜DSML｜function_calls>\n\n</｜DSML｜function_calls>"),
    case("<｜DSML｜function_calls>", "<｜DSML｜function_calls>"),
    case("<｜DSML｜function_calls>\n<｜DSML｜invoke name=", "<｜DSML｜function_calls>\n<｜DSML｜invoke name="),
    case("<｜DSML｜invoke of>", "<｜DSML｜invoke of>"),
    case(section(W, "oops"), "\noops\n</｜DSML｜function_calls>", WEATHER),
    case(
        section(L, '<｜DSML｜invoke name="f">\n<｜DSML｜parameter name="a" string="false">1'),
        "",
        LIST,
        ("f", {"a": 1}),
    ),
    case("<｜DSML｜function_calls>\nno" + section(W), "<｜DSML｜function_calls>\nno", WEATHER),
    case(note("text", "123"), "", ("note", {"text": "123"}), tools={}),
    case(note("unheard", "[1, 2]", "false"), "", ("note", {"unheard": [1, 2]})),
    case(note("unheard", "[1, 2]"), "", ("note", {"unheard": "[1, 2]"})),
    case(note("title", "null", "false"), "", ("note", {"title": None})),
]
