"""What `GET /v1/queue/stats` may be asked."""

from __future__ import annotations

from schemas.fields import Body, Text, about


class QueueStatsSchema(Body):
    """Whose queue to tell first."""

    model = Text(metadata=about("The model, or an alias of it, that `queue_stats` is about; the first one by default."))
