-- A new batch: its record, its place in its owner's list and among those that run, its hold on its input's bytes; or the
-- one that it joins by its idempotency key. Returns {id, 'new' or 'joined' or 'mismatch'}.
-- KEYS: batch, index, running, blob, stir, idempotency.  ARGV: id, created, owner, spec, endpoint or '', digest, batch prefix
if redis.call('EXISTS', KEYS[1]) == 1 then return {ARGV[1], 'new'} end
if ARGV[5] ~= '' then
  local other, digest = string.match(redis.call('HGET', KEYS[6], ARGV[5]) or '', '^(%S+) (%S+)$')
  if other and redis.call('EXISTS', ARGV[7] .. other) == 1 then
    return {other, digest == ARGV[6] and 'joined' or 'mismatch'}
  end
  redis.call('HSET', KEYS[6], ARGV[5], ARGV[1] .. ' ' .. ARGV[6])
end
redis.call('HSET', KEYS[1], 'spec', ARGV[4], 'status', 'validating')
redis.call('ZADD', KEYS[2], 0, ARGV[1])
redis.call('ZADD', KEYS[3], ARGV[2], ARGV[1])
redis.call('HINCRBY', KEYS[4], ARGV[3], 1)
if redis.call('LLEN', KEYS[5]) == 0 then redis.call('LPUSH', KEYS[5], 1) end
return {ARGV[1], 'new'}
