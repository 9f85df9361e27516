#!lua flags=allow-oom
-- A file's record and all that goes with it, once.
-- KEYS: file, index, blob, outdated
-- ARGV: id, owner
-- USES: release_blob
redis.call('ZREM', index, id)
redis.call('ZREM', outdated, id)
if redis.call('DEL', file) == 1 then release_blob(blob, owner) end
