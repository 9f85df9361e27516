from tests.workers.parsers.tools.table import LIST, WEATHER, case, situations


def call(name: str, **given: str) -> str:
    inner = "".join(f"<parameter={key}>{value}</parameter>\n" for key, value in given.items())
    return f"<seed:tool_call>\n<function={name}>\n{inner}</function>\n</seed:tool_call>"


W = call("get_weather", city="Paris", days="3")
N = call("note", text="123", tags='["a", "b"]', meta='{"n": 1}', pinned="true")
L = call("list_all")
D = call("files.read-all_v2", path="a/b.txt")
CASES = [
    *situations(W, N, W + "\n" + N, L, D),
    case(call("note", text="two\nlines\n"), "", ("note", {"text": "two\nlines\n"})),
    case(W.removeprefix("<seed:tool_call>\n").removesuffix("\n</seed:tool_call>"), "", WEATHER),
    case(W.replace("Paris</parameter>\n", "Paris\n"), "", WEATHER),
    case(W.replace("Paris</parameter>\n", "Paris"), "", WEATHER),
    case(W.replace("3</parameter>\n", "3\n"), "", WEATHER),
    case(
        "<seed:tool_call>\n<function=list_all>\n</function>\n<function=f></function></seed:tool_call>",
        "",
        LIST,
        ("f", {}),
    ),
    case("<seed:tool_call>", "<seed:tool_call>"),
]
