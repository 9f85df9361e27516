from tests.workers.parsers.tools.table import WEATHER, case, situations


def call(name: str, **given: str) -> str:
    inner = "".join(f'<atem:parameter name="{key}">{value}</atem:parameter>\n' for key, value in given.items())
    return f'<atem:function_calls>\n<atem:invoke name="{name}">\n{inner}</atem:invoke>\n</atem:function_calls>'


W = call("get_weather", city="Paris", days="3")
N = call("note", text="123", tags='["a", "b"]', meta='{"n": 1}', pinned="true")
CASES = [
    *situations(W, N, W + "\n" + N, call("list_all"), call("files.read-all_v2", path="a/b.txt")),
    case(" to=get_weather<|message|>" + W + "<|eot|>", "", WEATHER),
    case(
        "to=commentary<|message|>I look.<|eom|><|start|>assistant to=tool<|message|>" + W + "<|eom|>",
        "I look.",
        WEATHER,
    ),
    case("<|start|>assistant to=user<|message|>Hello.<|eot|>", "Hello."),
    case("say to=self now", "say to=self now"),
    case("<|start|>assistant says", "<|start|>assistant says"),
    case(W.replace("Paris</atem:parameter>", "Paris"), "", WEATHER),
]
