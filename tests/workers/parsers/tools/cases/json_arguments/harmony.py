from tests.workers.parsers.tools.table import FILE, LIST, WEATHER, UnfinishedCall, case, situations

JSON = " <|constrain|>json<|message|>"


def call(name: str, arguments: str) -> str:
    return f"<|channel|>commentary to=functions.{name}{JSON}{arguments}"


W = call("get_weather", '{"city": "Paris", "days": 3}')
N = call("note", '{"text": "123", "tags": ["a", "b"], "meta": {"n": 1}, "pinned": true}')
L = call("list_all", "{}")
D = call("files.read-all_v2", '{"path": "a/b.txt"}')
NEXT = "<|call|><|start|>assistant"
FINAL = "<|channel|>final<|message|>"
CASES = [
    *situations(W, N, W + NEXT + N, L, D),
    # the answer, without its markers
    case(FINAL + "Hello.", "Hello."),
    case(FINAL + " Hello.\n<|end|>", " Hello.\n"),
    case(FINAL + "Hello.<|return|>", "Hello."),
    case("<|start|>assistant" + FINAL + "Hello.", "Hello."),
    case("<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant" + FINAL + "Hello.", "Hm.Hello."),
    case("<|channel|>commentary<|message|>First a plan.<|end|><|start|>assistant" + W, "First a plan.", WEATHER),
    case("<|channel|>commentary to=user<|message|>Hello.", "Hello."),
    case("<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant" + W + "<|call|>", "Hm.", WEATHER),
    case(FINAL + "a < b <|mess", "a < b <|mess"),
    # several, in a row
    case(W + NEXT + L + NEXT + D + "<|call|>", "", WEATHER, LIST, FILE),
    case(W + "<|end|><|start|>assistant" + L, "", WEATHER, LIST),
    case(W + "\n" + L, "", WEATHER, LIST),
    case(W + NEXT + FINAL + "Done", "Done", WEATHER),
    # the recipient in other places
    case(
        '<|start|>assistant to=functions.get_weather<|channel|>commentary json<|message|>{"city": "Paris", "days": 3}',
        "",
        WEATHER,
    ),
    case(
        '<|start|>assistant<|channel|>commentary to=functions.get_weather<|message|>{"city": "Paris", "days": 3}',
        "",
        WEATHER,
    ),
    case(" to=functions.list_all<|channel|>commentary" + JSON + "{}", "", LIST),
    case("to=functions.list_all<|channel|>commentary" + JSON + "{}", "", LIST),
    case("<|channel|>analysis to=functions.list_all" + JSON + "{}", "", LIST),
    case("<|channel|>commentary to=functions.list_all<|channel|>commentary" + JSON + "{}", "", LIST),
    case("<|channel|>commentary to=list_all" + JSON + "{}", "", LIST),
    case("<|channel|>commentary to=browser.search" + JSON + '{"q": 1}', "", ("browser.search", {"q": 1})),
    case("<|channel|>commentary to=functions.list_all  json<|message|>  {}", "", LIST),
    case("<|channel|>commentary to=functions.list_all<|message|><|call|>", "", LIST),
    case(call("list_all", '"{}"'), "", LIST),
    # what is no call, or breaks off
    case("to=5 is not a head", "to=5 is not a head"),
    case("say to=functions.f now", "say to=functions.f now"),
    case("stray <|end|> and <|call|>", "stray <|end|> and <|call|>"),
    case("<|channel|>", "<|channel|>"),
    case("<|channel|>commentary to=functions.f", "<|channel|>commentary to=functions.f"),
    case("<|channel|>commentary to=functions.f<|message|>", "<|channel|>commentary to=functions.f<|message|>"),
    case("<|channel|>commentary to=python<|message|>print(1)", "<|channel|>commentary to=python<|message|>print(1)"),
    case("<|start|>user<|message|>hi", "<|start|>user<|message|>hi"),
    case("<|channel|>" + "blah " * 100, "<|channel|>" + "blah " * 100),
    case(call("f", '{"a": "b'), "", UnfinishedCall("f", '{"a": "b')),
    case(call("f", '{"a": b}') + NEXT + L, call("f", '{"a": b}') + "<|call|>", LIST),
    case("<|channel|>oops" + W, "<|channel|>oops", WEATHER),
]
