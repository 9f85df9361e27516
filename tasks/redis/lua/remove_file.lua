#!lua flags=allow-oom
-- A file's record and all that goes with it, once.
-- KEYS: file, index, blob, outdated
-- ARGV: id, owner
-- USES: release
redis.call('ZREM', index, id)
redis.call('ZREM', outdated, id)
if redis.call('DEL', file) == 1 then release(blob, owner) end
