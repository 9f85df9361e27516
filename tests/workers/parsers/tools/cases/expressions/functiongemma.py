from tests.workers.parsers.tools.table import LIST, TOOLS, WEATHER, UnfinishedCall, case, situations


def call(name: str, properties: str) -> str:
    return f"<start_function_call>call:{name}{{{properties}}}<end_function_call>"


def s(text: str) -> str:
    return f"<escape>{text}<escape>"


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
    # what models forget, what is no call, what breaks off
    case(W.removesuffix("<end_function_call>"), "", WEATHER),
    case("<start_function_call>", "<start_function_call>"),
    case("<start_function_call>call:", "<start_function_call>call:"),
    case("<start_function_call>call:f", "<start_function_call>call:f"),
    case("<start_function_call>call f{}", "<start_function_call>call f{}"),
    case("<start_function_call>hm<end_function_call>", "<start_function_call>hm<end_function_call>"),
    case("<start_function_call>call:f{a", "a", UnfinishedCall("f", "{")),
    case("<start_function_call>call:f{a:1", "a:1", UnfinishedCall("f", "{")),
    case("<start_function_call>call:f{a:<escape>to be con", "", UnfinishedCall("f", '{"a": "to be con')),
    case("<start_function_call>call:f{a:<escape>x<escape> b}", " b}", UnfinishedCall("f", '{"a": "x"')),
    case("<start_function_call>?" + W, "<start_function_call>?", WEATHER),
]
