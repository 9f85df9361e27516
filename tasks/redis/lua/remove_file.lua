#!lua flags=allow-oom
-- A file's record and all that goes with it, once.
-- KEYS: file, index, blob, outdated.  ARGV: id, owner
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
if redis.call('DEL', KEYS[1]) == 1 and redis.call('HINCRBY', KEYS[3], ARGV[2], -1) <= 0 then
  redis.call('HDEL', KEYS[3], ARGV[2])
end
