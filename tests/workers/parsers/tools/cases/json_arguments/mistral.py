from tests.workers.parsers.tools.table import FILE, LIST, WEATHER, case, situations

A = '{"city": "Paris", "days": 3}'
W = f"[TOOL_CALLS]get_weather[ARGS]{A}"
N = '[TOOL_CALLS]note[ARGS]{"text": "123", "tags": ["a", "b"], "meta": {"n": 1}, "pinned": true}'
L = "[TOOL_CALLS]list_all[ARGS]{}"
D = '[TOOL_CALLS]files.read-all_v2[ARGS]{"path": "a/b.txt"}'
OLD = '{"name": "get_weather", "arguments": {"city": "Paris", "days": 3}}'
CASES = [
    *situations(W, N, W + N, L, D),
    case(W + "\n" + L + D, "", WEATHER, LIST, FILE),
    # with ids
    case(f"[TOOL_CALLS]get_weather[CALL_ID]VvvODy9mT[ARGS]{A}", "", (*WEATHER, "VvvODy9mT")),
    case(
        f"[TOOL_CALLS]get_weather[CALL_ID]aaaaaaaaa[ARGS]{A}[TOOL_CALLS]list_all[CALL_ID]bbbbbbbbb[ARGS]{{}}",
        "",
        (*WEATHER, "aaaaaaaaa"),
        (*LIST, "bbbbbbbbb"),
    ),
    # the marker once, no marker before the arguments, spaces
    case(W + "list_all[ARGS]{}", "", WEATHER, LIST),
    case(W + ", list_all[ARGS]{}", "", WEATHER, LIST),
    case(f"[TOOL_CALLS]get_weather{A}", "", WEATHER),
    case(f"[TOOL_CALLS] get_weather [ARGS] {A}", "", WEATHER),
    # the older form
    case(f"[TOOL_CALLS][{OLD}]", "", WEATHER),
    case(f"[TOOL_CALLS] [{OLD}]", "", WEATHER),
    case(f"Hm.[TOOL_CALLS][{OLD}, " + '{"name": "list_all", "arguments": {}}]', "Hm.", WEATHER, LIST),
    case('[TOOL_CALLS][{"id": "VvvODy9mT", "name": "list_all", "arguments": {}}]', "", (*LIST, "VvvODy9mT")),
    case('[TOOL_CALLS][{"name": "list_all", "arguments": {}, "id": "VvvODy9mT"}]', "", LIST),
    case('[TOOL_CALLS][{"name": "list_all", "arguments": "{}"}]', "", LIST),
    case(f"[TOOL_CALLS]{OLD}", "", WEATHER),
    case(f"[TOOL_CALLS][{OLD}][TOOL_CALLS][{OLD}]", "", WEATHER, WEATHER),
    # what is no call, or breaks off
    case("[TOOL_CALLS]", "[TOOL_CALLS]"),
    case("[TOOL_CALLS][]", "[TOOL_CALLS][]"),
    case("[TOOL_CALL", "[TOOL_CALL"),
    case("[TOOL_CALLS]what now", "[TOOL_CALLS]what now"),
    case("[TOOL_CALLS]f[ARGS]", "[TOOL_CALLS]f[ARGS]"),
    case("[TOOL_CALLS]f[CALL_ID]abc", "[TOOL_CALLS]f[CALL_ID]abc"),
    case("[TOOL_CALLS]f[ARGS]no", "[TOOL_CALLS]f[ARGS]no"),
    case('[TOOL_CALLS]f[ARGS]{"a', '[TOOL_CALLS]f[ARGS]{"a'),
    case(W + "f[ARGS]no", "f[ARGS]no", WEATHER),
    case(W + 'f[ARGS]{"a" no', 'f[ARGS]{"a" no', WEATHER),
    case("[TOOL_CALLS]?" + W, "[TOOL_CALLS]?", WEATHER),
]
