from tests.workers.parsers.tools.table import LIST, WEATHER, UnfinishedCall, case, situations


def argument(key: str, kind: str, value: str) -> str:
    return f'<|open|>argument key="{key}" type="{kind}"<|sep|>{value}<|close|>argument<|sep|>'


def one(name: str, inner: str = "", index: int = 1) -> str:
    return f'<|open|>call tool="{name}" index="{index}"<|sep|>{inner}<|close|>call<|sep|>'


def call(*calls: str) -> str:
    return "<|open|>tools<|sep|>" + "".join(calls) + "<|close|>tools<|sep|>"


W1 = one("get_weather", argument("city", "string", "Paris") + argument("days", "number", "3"))
N1 = one(
    "note",
    argument("text", "string", "123")
    + argument("tags", "array", '["a", "b"]')
    + argument("meta", "object", '{"n": 1}')
    + argument("pinned", "boolean", "true"),
    2,
)
W, N = call(W1), call(N1)
JSON = '<|open|>json type="object"<|sep|>{}<|close|>json<|sep|>'
CASES = [
    *situations(
        W, N, call(W1, N1), call(one("list_all")), call(one("files.read-all_v2", argument("path", "string", "a/b.txt")))
    ),
    case(call(one("get_weather", JSON.format('{"city": "Paris", "days": 3}'))), "", WEATHER),
    case(call(one("f", argument("a&amp;&quot;b", "null", "null"))), "", ("f", {'a&"b': None})),
    case(call(one("note", argument("text", "string", ' <b> "\n'))), "", ("note", {"text": ' <b> "\n'})),
    case(call(one("get_weather", argument("city", "string", "Paris") + argument("days", "string", "3"))), "", WEATHER),
    case("<|open|>response<|sep|>So.<|close|>response<|sep|>" + W + "<|close|>message<|sep|>", "So.", WEATHER),
    case(W1, "", WEATHER),
    # tags that are missing
    case(W.replace("Paris<|close|>argument<|sep|>", "Paris"), "", WEATHER),
    case(W.replace("3<|close|>argument<|sep|>", "3"), "", WEATHER),
    case(W.replace("<|close|>call<|sep|>", ""), "", WEATHER),
    case(W.replace("<|close|>tools<|sep|>", ""), "", WEATHER),
    case(
        call(one("list_all"), '<|open|>call index="2"<|sep|>x'),
        '<|open|>call index="2"<|sep|>x<|close|>tools<|sep|>',
        LIST,
    ),
    case(
        '<|open|>tools<|sep|><|open|>call tool="note"<|sep|>' + argument("text", "string", "a")[:-24],
        "",
        UnfinishedCall("note", '{"text": "a'),
    ),
]
