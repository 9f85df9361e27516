from tests.workers.parsers.tools.table import LIST, WEATHER, case, situations


def one(name: str, **given: str) -> str:
    inner = "".join(f"<arg_key>{key}</arg_key>\n<arg_value>{value}</arg_value>\n" for key, value in given.items())
    return f"<tool_call>{name}<tool_sep>\n{inner}</tool_call>"


def call(*calls: str) -> str:
    return "<tool_calls>\n" + "\n".join(calls) + "\n</tool_calls>"


W1 = one("get_weather", city="Paris", days="3")
N1 = one("note", text="123", tags='["a", "b"]', meta='{"n": 1}', pinned="true")
W = call(W1)
CASES = [
    *situations(W, call(N1), call(W1, N1), call(one("list_all")), call(one("files.read-all_v2", path="a/b.txt"))),
    case(W.replace("\n", ""), "", WEATHER),
    case(W1, "", WEATHER),
    case("<tool_calls><tool_call>list_all<tool_sep></tool_call></tool_calls>", "", LIST),
    case(W.replace("Paris</arg_value>", "Paris"), "", WEATHER),
    case(W.replace("3</arg_value>", "3"), "", WEATHER),
    case(W.replace("</tool_call>\n", ""), "", WEATHER),
    case(W.replace("\n</tool_calls>", ""), "", WEATHER),
    case("<tool_calls>\nhm", "<tool_calls>\nhm"),
]
