from tests.workers.parsers.tools.table import LIST, WEATHER, UnfinishedCall, case, situations


def call(name: str, arguments: str) -> str:
    return f"<｜tool▁call▁begin｜>function<｜tool▁sep｜>{name}\n```json\n{arguments}\n```<｜tool▁call▁end｜>"


def section(*calls: str) -> str:
    return "<｜tool▁calls▁begin｜>" + "\n".join(calls) + "<｜tool▁calls▁end｜>"


W = call("get_weather", '{"city": "Paris", "days": 3}')
N = call("note", '{"text": "123", "tags": ["a", "b"], "meta": {"n": 1}, "pinned": true}')
L = call("list_all", "{}")
D = call("files.read-all_v2", '{"path": "a/b.txt"}')
CASES = [
    *situations(section(W), section(N), section(W, N), section(L), section(D)),
    case(section(W) + "\n" + section(L), "", WEATHER, LIST),
    case(W, "", WEATHER),
    case(section(W).removesuffix("<｜tool▁calls▁end｜>"), "", WEATHER),
    case(section(call("get_weather", '{\n  "city": "Paris",\n  "days": 3\n}')), "", WEATHER),
    case(section(call("list_all", "")), "", LIST),
    case(section(W.replace("```json\n", "").replace("\n```", "")), "", WEATHER),
    case(section(call("note", '{"text": "```json\\n```"}')), "", ("note", {"text": "```json\n```"})),
    case("Some code:\n```json\n{}\n```", "Some code:\n```json\n{}\n```"),
    case("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁begin｜>"),
    case("<｜tool▁calls▁begin｜>x", "<｜tool▁calls▁begin｜>x"),
    case("<｜tool▁call▁begin｜>function<｜tool▁sep｜>f", "<｜tool▁call▁begin｜>function<｜tool▁sep｜>f"),
    *(case(cut, cut) for cut in (call("f", "").split("json")[0], call("f", "").split("son")[0])),
    case(section(call("f", "[]")), section(call("f", "[]"))),
    case(section(W, "oops"), "\noops<｜tool▁calls▁end｜>", WEATHER),
    case(section(call("f", '{"a": 1')), "```<｜tool▁call▁end｜><｜tool▁calls▁end｜>", UnfinishedCall("f", '{"a": 1\n')),
]
