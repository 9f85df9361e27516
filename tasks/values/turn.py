"""What a call has said in a conversation, until it has become items of that."""

from __future__ import annotations

import msgspec

from tasks.values.blob_ref import BlobRef


class Turn(msgspec.Struct, frozen=True, omit_defaults=True):
    """The blobs that a job's items are made of: its `Output`, and its request where that is not small."""

    job: str
    output: BlobRef
    request: BlobRef | None = None
