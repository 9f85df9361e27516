-- A new batch: its record, its place in its owner's list and among those that run, its hold on its input's bytes.
-- KEYS: batch, index, running, blob, stir.  ARGV: id, created, owner, spec
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'spec', ARGV[4], 'status', 'validating')
redis.call('ZADD', KEYS[2], 0, ARGV[1])
redis.call('ZADD', KEYS[3], ARGV[2], ARGV[1])
redis.call('HINCRBY', KEYS[4], ARGV[3], 1)
if redis.call('LLEN', KEYS[5]) == 0 then redis.call('LPUSH', KEYS[5], 1) end
return 1
