from tests.workers.parsers.tools.table import LIST, WEATHER, UnfinishedCall, case, situations


def call(name: str, arguments: str) -> str:
    return f"<function={name}>{arguments}</function>"


W = call("get_weather", '{"city": "Paris", "days": 3}')
N = call("note", '{"text": "123", "tags": ["a", "b"], "meta": {"n": 1}, "pinned": true}')
L, D = call("list_all", "{}"), call("files.read-all_v2", '{"path": "a/b.txt"}')
CASES = [
    *situations(W, N, W + "\n" + N, L, D),
    case(call("list_all", ""), "", LIST),
    case(W.removesuffix("</function>"), "", WEATHER),
    case(call("f", "{x}"), call("f", "{x}")),
    case(call("f", "x"), call("f", "x")),
    case("<function=f", "<function=f"),
    case('<function=f>{"a": "</function>', "", UnfinishedCall("f", '{"a": "</function>')),
]
