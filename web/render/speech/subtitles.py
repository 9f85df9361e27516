"""Segments as subtitles: SubRip, and WebVTT (https://www.w3.org/TR/webvtt1/)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tasks.values.events import Segment

_ARROW = "-->"  # ends a cue's text for every reader


def srt(segments: Iterable[Segment]) -> str:
    """SubRip: a number, times with a comma, a text, and an empty line."""
    return "".join(f"{number}\n{times}\n{text}\n\n" for number, (times, text) in enumerate(_cues(segments, ","), 1))


def vtt(segments: Iterable[Segment]) -> str:
    """WebVTT: a heading, then times with a point and a text, each behind an empty line."""
    cues = "".join(f"{times}\n{_escaped(text)}\n\n" for times, text in _cues(segments, "."))
    return f"WEBVTT\n\n{cues}"


def _cues(segments: Iterable[Segment], point: str) -> Iterator[tuple[str, str]]:
    for segment in segments:
        text = " ".join(segment.text.replace(_ARROW, "->").split())
        if text:
            yield f"{_time(segment.start, point)} {_ARROW} {_time(segment.end, point)}", text


def _time(seconds: float, point: str) -> str:
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest:02}{point}{milliseconds:03}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
