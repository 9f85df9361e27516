"""`python -m web.openapi`: the document, for clients and pages that are made of it without a server."""

from __future__ import annotations

import sys

from web.openapi.document import document

if __name__ == "__main__":
    sys.stdout.buffer.write(document() + b"\n")
