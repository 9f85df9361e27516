#!lua flags=allow-oom
-- A stored completion's record and all that goes with it, once.
-- KEYS: completion, index, outdated, input, output
-- ARGV: id, owner
-- USES: release_blob
redis.call('ZREM', index, id)
redis.call('ZREM', outdated, id)
if redis.call('DEL', completion) == 1 then
  release_blob(input, owner)
  release_blob(output, owner)
end
