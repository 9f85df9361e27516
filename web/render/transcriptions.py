"""A transcript as OpenAI's JSON, or as plain text."""

from __future__ import annotations

import msgspec

from tasks.values import fold
from tasks.values.job import Job
from web.endpoint import Rendered


def body(job: Job, result: fold.Result) -> Rendered:
    """The whole answer in the format that was asked for."""
    assert isinstance(result, fold.TranscriptResult)  # noqa: S101  (a transcription's events fold to nothing else)
    if job.options.response_format == "text":
        return Rendered(result.text.encode() + b"\n", "text/plain; charset=utf-8")
    usage = {"type": "duration", "seconds": round(result.seconds, 3)}
    return Rendered(msgspec.json.encode({"text": result.text, "usage": usage}))
