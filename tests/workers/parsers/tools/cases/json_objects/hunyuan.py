from tests.workers.parsers.tools.table import list_cases

CASES = list_cases("<tool_calls>", "</tool_calls>")
