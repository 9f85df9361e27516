from tests.workers.parsers.tools.table import LIST, WEATHER, UnfinishedCall, case, situations

W = '>>>get_weather\n{"city": "Paris", "days": 3}'
N = '>>>note\n{"text": "123", "tags": ["a", "b"], "meta": {"n": 1}, "pinned": true}'
CASES = [
    *situations(W, N, W + "\n" + N, ">>>list_all\n{}", '>>>files.read-all_v2\n{"path": "a/b.txt"}'),
    # the prompt has begun the first message
    case("all\nHello.", "Hello."),
    case("all\nI look.\n" + W, "I look.\n", WEATHER),
    case(W.removeprefix(">>>"), "", WEATHER),
    case(W.removeprefix(">>>") + ">>>list_all\n{}>>>all\nDone.", "Done.", WEATHER, LIST),
    case("Sure\nas this is", "Sure\nas this is"),
    case("1 >>> 0 and\n>>>more\ntext", "1 >>> 0 and\n>>>more\ntext"),
    case(">>>f\n{x}", ">>>f\n{x}"),
    case('f\n{"a": "b', "", UnfinishedCall("f", '{"a": "b')),
]
