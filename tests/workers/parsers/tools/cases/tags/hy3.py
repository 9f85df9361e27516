import re

from tests.workers.parsers.tools.cases.tags import hy_v3

_TAG = re.compile(r"(</?(?:tool_calls?|tool_sep|arg_key|arg_value))>")
CASES = [
    case._replace(text=_TAG.sub(r"\1:opensource>", case.text), content=_TAG.sub(r"\1:opensource>", case.content))
    for case in hy_v3.CASES
]
