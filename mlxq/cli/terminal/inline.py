"""Images in the terminal, where it can show them: iTerm2's and Kitty's ways, which several others follow."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Iterator

_ITERM = frozenset({"iTerm.app", "WezTerm", "vscode", "mintty"})  # of TERM_PROGRAM
_ROWS = 12  # of text that an image is high
_PNG = b"\x89PNG"
_CHUNK = 4096  # bytes of base64 that Kitty takes at once


class Terminal:
    """Standard error, as the terminal that it is or is not."""

    def __init__(self) -> None:
        here = sys.stderr.isatty()
        self._iterm = here and os.environ.get("TERM_PROGRAM") in _ITERM
        kitty = "KITTY_WINDOW_ID" in os.environ or "ghostty" in os.environ.get("TERM", "")
        self._kitty = here and not self._iterm and kitty

    @property
    def previews(self) -> bool:
        """Whether it shows JPEGs, which previews are."""
        return self._iterm

    def picture(self, data: bytes) -> str:
        """What shows this image when it is written, or nothing."""
        if self._iterm:
            size = f"size={len(data)};height={_ROWS};preserveAspectRatio=1;inline=1"
            return f"\x1b]1337;File={size}:{base64.b64encode(data).decode()}\x1b\\"
        if self._kitty and data.startswith(_PNG):
            return "".join(_pieces(base64.b64encode(data).decode()))
        return ""

    def show(self, data: bytes) -> None:
        """Write an image to the terminal, if it shows any."""
        if sequence := self.picture(data):
            sys.stderr.write(sequence + "\n")
            sys.stderr.flush()


def _pieces(encoded: str) -> Iterator[str]:
    for at in range(0, len(encoded), _CHUNK):
        first = f"a=T,f=100,r={_ROWS}," if at == 0 else ""
        more = int(at + _CHUNK < len(encoded))
        yield f"\x1b_G{first}m={more};{encoded[at : at + _CHUNK]}\x1b\\"
