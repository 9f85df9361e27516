#!lua flags=allow-oom
-- An item of a conversation, and its hold on the bytes that it stands in, once.
-- KEYS: items, places, blob
-- ARGV: id, owner
-- USES: release_blob
redis.call('ZREM', items, id)
if redis.call('HDEL', places, id) == 1 then release_blob(blob, owner) end
