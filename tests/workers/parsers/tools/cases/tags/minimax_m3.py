from tests.workers.parsers.tools.table import LIST, WEATHER, UnfinishedCall, case, situations

NS = "]<]minimax[>["


def element(name: str, value: str) -> str:
    return f"{NS}<{name}>{value}{NS}</{name}>"


def invoke(name: str, inner: str = "") -> str:
    return f'{NS}<invoke name="{name}">{inner}{NS}</invoke>'


def call(*invoked: str) -> str:
    return f"{NS}<tool_call>\n" + "\n".join(invoked) + f"\n{NS}</tool_call>"


PARIS, DAYS = element("city", "Paris"), element("days", "3")
WI = invoke("get_weather", PARIS + DAYS)
NI = invoke(
    "note",
    element("text", "123")
    + element("tags", element("item", "a") + element("item", "b"))
    + element("meta", element("n", "1"))
    + element("pinned", "true"),
)
W, N = call(WI), call(NI)
SCHEMA = {
    "order": {
        "type": "object",
        "properties": {
            "zip": {"type": "integer"},
            "code": {"type": "string"},
            "items": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}}},
            "more": {"type": "object", "additionalProperties": {"type": "string"}},
            "any": {"type": "object"},
        },
    }
}


def order(inner: str, **wanted: object) -> object:
    return case(call(invoke("order", inner)), "", ("order", wanted), tools=SCHEMA)


CASES = [
    *situations(
        W, N, call(WI, NI), call(invoke("list_all")), call(invoke("files.read-all_v2", element("path", "a/b.txt")))
    ),
    order(element("zip", "018956"), zip=18956),
    order(element("code", "018956"), code="018956"),
    order(
        element("items", element("item", element("n", "1")) + element("item", element("n", "2"))),
        items=[{"n": 1}, {"n": 2}],
    ),
    order(element("items", '[{"n": 1}]'), items=[{"n": 1}]),
    order(element("more", element("a", "1")), more={"a": "1"}),
    order(element("any", element("tag", "a") + element("tag", "b")), any={"tag": ["a", "b"]}),
    order(element("any", "said " + element("tag", "a")), any={"tag": "a", "$text": "said"}),
    case(call(invoke("f", element("a", element("item", "1") + element("item", "x")))), "", ("f", {"a": [1, "x"]})),
    case(W.removeprefix(f"{NS}<tool_call>\n").removesuffix(f"\n{NS}</tool_call>"), "", WEATHER),
    # tags that are missing
    case(W.replace(f"{NS}</city>", ""), "", WEATHER),
    case(W.replace(f"{NS}</days>", ""), "", WEATHER),
    case(W.replace(f"{NS}</days>{NS}</invoke>", ""), "", WEATHER),
    case(W.replace(f"{NS}</invoke>", ""), "", WEATHER),
    case(W.replace(f"\n{NS}</tool_call>", ""), "", WEATHER),
    # markers that are text
    case(
        call(invoke("note", element("text", f"a {NS}b {NS}</x> {NS}<y>"))),
        "",
        ("note", {"text": f"a {NS}b {NS}</x> {NS}<y>"}),
    ),
    case(f"{NS}<tool_ca", f"{NS}<tool_ca"),
    case(f"{NS}<tool_call>\n{NS}</user_id> x", f"{NS}<tool_call>\n{NS}</user_id> x"),
    case(f"{NS}<tool_call>\n{invoke('list_all')}\n{NS}<invoke name", f"\n{NS}<invoke name", LIST),
    case(f'{NS}<tool_call>{NS}<invoke name="note">{NS}<text>a b', "", UnfinishedCall("note", '{"text": "a b')),
]
