"""Messages travel by our own transport, wherever Redis listens."""

from __future__ import annotations

import pytest

from mlxq.settings import Settings
from tasks import app
from tasks.redis.transport import Transport


@pytest.mark.parametrize(
    "url", ["unix:///var/redis.sock?db=2", "redis://:secret@127.0.0.1:1/2", "rediss://a.example/0"]
)
def test_the_transport_is_ours_whatever_the_queue_s_redis_listens_on(url: str) -> None:
    created = app.create(Settings(redis_url=url))
    for connection in (created.connection_for_read(), created.connection_for_write()):
        assert type(connection.transport) is Transport
