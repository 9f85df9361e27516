#!lua flags=allow-oom
-- A stored completion's record and all that goes with it, once.
-- KEYS: completion, index, outdated, input, output
-- ARGV: id, owner
-- USES: release
redis.call('ZREM', index, id)
redis.call('ZREM', outdated, id)
if redis.call('DEL', completion) == 1 then
  release(input, owner)
  release(output, owner)
end
