from tests.workers.parsers.tools.table import LIST, WEATHER, UnfinishedCall, case, situations

W = (
    "<tool_call>\n<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n"
    "<parameter=days>\n3\n</parameter>\n</function>\n</tool_call>"
)
N = (
    "<tool_call>\n<function=note>\n<parameter=text>\n123\n</parameter>\n"
    '<parameter=tags>\n["a", "b"]\n</parameter>\n<parameter=meta>\n{"n": 1}\n</parameter>\n'
    "<parameter=pinned>\ntrue\n</parameter>\n</function>\n</tool_call>"
)
L = "<tool_call>\n<function=list_all>\n</function>\n</tool_call>"
D = "<tool_call>\n<function=files.read-all_v2>\n<parameter=path>\na/b.txt\n</parameter>\n</function>\n</tool_call>"


def note(key: str, value: str) -> str:
    return f"<tool_call>\n<function=note>\n<parameter={key}>\n{value}\n</parameter>\n</function>\n</tool_call>"


CASES = [
    *situations(W, N, W + "\n" + N, L, D),
    case(W + L, "", WEATHER, LIST),
    # lines and indentation belong to a string
    case(note("text", "  if x:\n    y()\n"), "", ("note", {"text": "  if x:\n    y()\n"})),
    case(note("text", "\n\na\n\n"), "", ("note", {"text": "\n\na\n\n"})),
    case(note("text", ""), "", ("note", {"text": ""})),
    case(note("text", 'a < b </para> \\n "'), "", ("note", {"text": 'a < b </para> \\n "'})),
    case(
        note("text", "<tool_call>x</tool_call></function>"),
        "",
        ("note", {"text": "<tool_call>x</tool_call></function>"}),
    ),
    case("<tool_call><function=note><parameter=text>a</parameter></function></tool_call>", "", ("note", {"text": "a"})),
    case(
        "<tool_call><function=note><parameter=text>a\n</parameter></function></tool_call>", "", ("note", {"text": "a"})
    ),
    # types
    case(note("text", "null"), "", ("note", {"text": "null"})),
    case(note("title", "null"), "", ("note", {"title": None})),
    case(note("title", "          null "), "", ("note", {"title": None})),
    case(note("title", " " * 30), "", ("note", {"title": " " * 30})),
    case(note("title", "nul"), "", ("note", {"title": "nul"})),
    case(note("score", "1.5"), "", ("note", {"score": 1.5})),
    case(note("pinned", "False"), "", ("note", {"pinned": False})),
    case(note("meta", "{'n': None}"), "", ("note", {"meta": {"n": None}})),
    case(note("tags", '[\n  "a"\n]'), "", ("note", {"tags": ["a"]})),
    case(note("tags", "a, b"), "", ("note", {"tags": "a, b"})),
    case(note("other", "123"), "", ("note", {"other": 123})),
    # a value whose closing tag is missing ends where the next one, or the end of the call, begins
    case(W.replace("\n</parameter>\n<parameter=days>", "\n<parameter=days>"), "", WEATHER),
    case(W.replace("\n</parameter>\n</function>", "\n</function>"), "", WEATHER),
    case(W.replace("\n</parameter>\n</function>\n</tool_call>", "\n</function>"), "", WEATHER),
    case(W.replace("\n</parameter>\n</function>", ""), "", WEATHER),
    case(W.replace("\n</parameter>", ""), "", WEATHER),
    case(W.replace("\n</parameter>\n</function>\n</tool_call>", "\n" + L), "", WEATHER, LIST),
    case(
        "<tool_call>\n<function=f>\n<parameter=b>\nx\n<parameter=a>\n1\n</parameter>\n</function>\n</tool_call>",
        "",
        ("f", {"b": "x", "a": 1}),
    ),
    # and tags within a value that end nothing are a part of it
    *(
        case(note("text", text), "", ("note", {"text": text}))
        for text in (
            "use <parameter=a> here",
            "a </function> b",
            "a\n</function>\nb",
            "a </tool_call> b",
            "<function=f>",
            "<parameter=",
            "\n<function=f> is a tag",
        )
    ),
    # what models leave out or add
    case(W.replace("</function>\n", ""), "", WEATHER),
    case(W.removeprefix("<tool_call>\n"), "", WEATHER),
    case(W.removeprefix("<tool_call>\n").removesuffix("\n</tool_call>"), "", WEATHER),
    case(W.removesuffix("\n</tool_call>"), "", WEATHER),
    case(W.replace("<function=get_weather>", "<function = get_weather >"), "", WEATHER),
    case(W.replace("<parameter=city>", "<parameter = city>"), "", WEATHER),
    case(W.replace("=get_weather", '="get_weather"').replace("=city", '="city"'), "", WEATHER),
    case("<tool_call>\n<function=list_all>\n</function>\n<function=f></function></tool_call>", "", LIST, ("f", {})),
    case("<tool_call><function=list_all><function=f></function></tool_call>", "", LIST, ("f", {})),
    # what is no call, or breaks off
    case("<tool_call>\n", "<tool_call>\n"),
    case('<tool_call>{"name": "f"}</tool_call>', '<tool_call>{"name": "f"}</tool_call>'),
    case("a <function call>", "a <function call>"),
    case("<function=two words>", "<function=two words>"),
    case("<tool_call>\n<function=list_all>", "<tool_call>\n<function=list_all>"),
    case("<tool_call>\n<function=list_all>\nhm</function>", "<tool_call>\n<function=list_all>\nhm</function>"),
    case("<tool_call>\n<function=note>\n<parameter=te", "<parameter=te", UnfinishedCall("note", "{")),
    case(
        "<tool_call>\n<function=note>\n<parameter=text>\nto be\n</par",
        "\n</par",
        UnfinishedCall("note", '{"text": "to be'),
    ),
    case(
        "<tool_call>\n<function=note>\n<parameter=score>\n12\n",
        "<parameter=score>\n12\n",
        UnfinishedCall("note", "{"),
    ),
    case("<tool_call>\noops\n" + W, "<tool_call>\noops\n", WEATHER),
]
