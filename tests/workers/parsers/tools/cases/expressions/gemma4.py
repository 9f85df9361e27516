from tests.workers.parsers.tools.table import LIST, TOOLS, WEATHER, UnfinishedCall, case, situations


def call(name: str, properties: str) -> str:
    return f"<|tool_call>call:{name}{{{properties}}}<tool_call|>"


def s(text: str) -> str:
    return f'<|"|>{text}<|"|>'


W = call("get_weather", f"city:{s('Paris')},days:3")
N = call("note", f"text:{s('123')},tags:[{s('a')},{s('b')}],meta:{{n:1}},pinned:true")
L = call("list_all", "")
D = call("files.read-all_v2", f"path:{s('a/b.txt')}")
CASES = [
    *situations(W, N, W + N, L, D),
    case(W + "\n" + L, "", WEATHER, LIST),
    case(call(" get_weather ", f" city : {s('Paris')} , days : 3 , "), "", WEATHER),
    # strings
    case(call("note", f"text:{s('')}"), "", ("note", {"text": ""})),
    case(call("note", "text:" + s('a}, b:{"c"} < \\ \n')), "", ("note", {"text": 'a}, b:{"c"} < \\ \n'})),
    case(call("note", "text:bare words"), "", ("note", {"text": "bare words"})),
    case(call("note", "text:123"), "", ("note", {"text": "123"})),
    case(call("note", 'text:"quoted"'), "", ("note", {"text": "quoted"})),
    case(call("note", f"text:{s('5')}"), "", ("note", {"text": "5"}), tools={}),
    case(call("get_weather", f"days:{s('5')}"), "", ("get_weather", {"days": 5})),
    # other values
    case(
        call("f", "a:5,b:-1.5,c:true,d:null,e:x y,g:[],h:{}"),
        "",
        ("f", {"a": 5, "b": -1.5, "c": True, "d": None, "e": "x y", "g": [], "h": {}}),
    ),
    case(call("f", "a:{b:{c:[1,[2,{d:" + s("x") + "}]]}}"), "", ("f", {"a": {"b": {"c": [1, [2, {"d": "x"}]]}}})),
    case(call("f", 'a:{"b": [true, "x\\n"]}'), "", ("f", {"a": {"b": [True, "x\n"]}})),
    case(call("f", "a:{" + s("key with: colon") + ":1}"), "", ("f", {"a": {"key with: colon": 1}})),
    case(call("f", ",b:1"), "", ("f", {"b": 1})),
    case(call("note", f"title:{s('null')}"), "", ("note", {"title": "null"}), tools=TOOLS),
    case(call("note", "title:null"), "", ("note", {"title": None})),
    # names
    case(call("a-b.c_d", ""), "", ("a-b.c_d", {})),
    # several calls in a block, and what models write for its beginning and its end
    case("<|tool_call>call:f{a:1}call:f{a:2}<tool_call|>", "", ("f", {"a": 1}), ("f", {"a": 2})),
    case("<|tool_call>call:f{a:1}, call:g{}\n<tool_call|>.", ".", ("f", {"a": 1}), ("g", {})),
    case("<|tool_call>:f{a:1}<tool_call|>", "", ("f", {"a": 1})),
    case("<|tool_call>:call:f{a:1}<tool_call|>", "", ("f", {"a": 1})),
    case("<|tool_call>f{a:1}<tool_call|>", "", ("f", {"a": 1})),
    case("<call>f{a:1}", "", ("f", {"a": 1})),
    case("call:f{a:1}", "", ("f", {"a": 1})),
    case("So:\ncall:f-g.h{a:" + s("x") + "}", "So:\n", ("f-g.h", {"a": "x"})),
    case("I call:f{a:1}", "I call:f{a:1}"),
    case("call: me later {", "call: me later {"),
    case(W.replace("}<tool_call|>", "<tool_call|>"), "", WEATHER),
    case(call("note", "text:" + s("x")).replace('<|"|>}', "}"), "", ("note", {"text": "x"})),
    case(call("note", "text:" + s("a } <tool_call|> b")), "", ("note", {"text": "a } <tool_call|> b"})),
    # what models forget, what is no call, what breaks off
    case(W.removesuffix("<tool_call|>"), "", WEATHER),
    case("<|tool_call>", "<|tool_call>"),
    case("<|tool_call>call:", "<|tool_call>call:"),
    case("<|tool_call>call:f", "<|tool_call>call:f"),
    case("<|tool_call>call f{}", "<|tool_call>call f{}"),
    case("<|tool_call>hm<tool_call|>", "<|tool_call>hm<tool_call|>"),
    case("<|tool_call>call:f{a", "a", UnfinishedCall("f", "{")),
    case("<|tool_call>call:f{a:1", "a:1", UnfinishedCall("f", "{")),
    case('<|tool_call>call:f{a:<|"|>to be con', "", UnfinishedCall("f", '{"a": "to be con')),
    case('<|tool_call>call:f{a:<|"|>x<|"|> b}', " b}", UnfinishedCall("f", '{"a": "x"')),
    case("<|tool_call>?" + W, "<|tool_call>?", WEATHER),
]
