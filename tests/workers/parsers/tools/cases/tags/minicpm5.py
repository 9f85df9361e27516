from tests.workers.parsers.tools.table import WEATHER, UnfinishedCall, case, situations


def call(name: str, **given: str) -> str:
    inner = "".join(f'<param name="{key}">{value}</param>' for key, value in given.items())
    return f'<function name="{name}">{inner}</function>'


W = call("get_weather", city="Paris", days="3")
N = call("note", text="123", tags='["a", "b"]', meta='{"n": 1}', pinned="true")
CASES = [
    *situations(W, N, W + "\n" + N, call("list_all"), call("files.read-all_v2", path="a/b.txt")),
    case(call("note", text="<![CDATA[a < b\n</param> & c]]>"), "", ("note", {"text": "a < b\n</param> & c"})),
    case(call("get_weather", city="Paris", days="<![CDATA[3]]>"), "", WEATHER),
    case(W.replace("<param name", "\n  <param name").replace("</function>", "\n</function>"), "", WEATHER),
    case(W.replace(" name", "name"), "", WEATHER),
    case(W.replace('"', "'"), "", WEATHER),
    case(W.replace("3</param>", "3"), "", WEATHER),
    case(W.replace("Paris</param>", "Paris"), "", WEATHER),
    case('<function name="f"><param>x</param></function>', "<param>x</param></function>", UnfinishedCall("f", "{")),
]
