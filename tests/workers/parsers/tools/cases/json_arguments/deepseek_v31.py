from tests.workers.parsers.tools.table import LIST, WEATHER, UnfinishedCall, case, situations


def call(name: str, arguments: str) -> str:
    return f"<｜tool▁call▁begin｜>{name}<｜tool▁sep｜>{arguments}<｜tool▁call▁end｜>"


def section(*calls: str) -> str:
    return "<｜tool▁calls▁begin｜>" + "".join(calls) + "<｜tool▁calls▁end｜>"


W = call("get_weather", '{"city": "Paris", "days": 3}')
N = call("note", '{"text": "123", "tags": ["a", "b"], "meta": {"n": 1}, "pinned": true}')
L = call("list_all", "{}")
D = call("files.read-all_v2", '{"path": "a/b.txt"}')
CASES = [
    *situations(section(W), section(N), section(W, N), section(L), section(D)),
    case(section(W) + "\n" + section(L), "", WEATHER, LIST),
    case(section("\n", W, "\n", L, "\n"), "", WEATHER, LIST),
    case(W, "", WEATHER),
    case(section(W).removesuffix("<｜tool▁calls▁end｜>"), "", WEATHER),
    case(section(call("list_all", "")), "", LIST),
    case("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁begin｜>"),
    case("<｜tool▁calls▁begin｜>x", "<｜tool▁calls▁begin｜>x"),
    case("<｜tool▁call▁begin｜>f", "<｜tool▁call▁begin｜>f"),
    case(section(call("f", "[]")), section(call("f", "[]"))),
    case(section(call("", "{}")), section(call("", "{}"))),
    case(section(W, "oops"), "oops<｜tool▁calls▁end｜>", WEATHER),
    case(section(call("f", '{"a": 1,')), "<｜tool▁call▁end｜><｜tool▁calls▁end｜>", UnfinishedCall("f", '{"a": 1,')),
]
