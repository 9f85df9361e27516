-- A new batch: its record, its place in its owner's list and among those that run, its hold on its input's bytes; or
-- the one that it joins by its idempotency key, without which `endpoint` is ''.
-- Returns {id, 'new' or 'joined' or 'mismatch'}.
-- KEYS: batch, index, running, blob, stir, idempotency
-- ARGV: id, created, owner, spec, endpoint, digest, batch_prefix
-- USES: nudge
if redis.call('EXISTS', batch) == 1 then return {id, 'new'} end
if endpoint ~= '' then
  local other, made = string.match(redis.call('HGET', idempotency, endpoint) or '', '^(%S+) (%S+)$')
  if other and redis.call('EXISTS', batch_prefix .. other) == 1 then
    return {other, made == digest and 'joined' or 'mismatch'}
  end
  redis.call('HSET', idempotency, endpoint, id .. ' ' .. digest)
end
redis.call('HSET', batch, 'spec', spec, 'status', 'validating')
redis.call('ZADD', index, 0, id)
redis.call('ZADD', running, created, id)
redis.call('HINCRBY', blob, owner, 1)
nudge(stir)
return {id, 'new'}
