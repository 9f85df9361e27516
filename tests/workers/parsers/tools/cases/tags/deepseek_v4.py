from tests.workers.parsers.tools.cases.tags import deepseek_v32
from tests.workers.parsers.tools.table import Case

# DeepSeek V3.2's elements in a section of another name.
CASES = [
    Case(
        case.text.replace("function_calls>", "tool_calls>"),
        case.content.replace("function_calls>", "tool_calls>"),
        case.calls,
        case.tools,
    )
    for case in deepseek_v32.CASES
]
