-- Record, lists, idempotency key, lane, message and blob counts of a new job, or the job that it joins: {id, 'new' or
-- 'joined'}. Returns {'', 'full'} where its lane has no room, {'', 'enough'} where its key has as many unfinished jobs
-- as it may have, and {id, 'mismatch'} where its idempotency key belongs to another body.
-- `waiting` is `unclaimed` of an interactive job, whose `turn` is '' and not 'lane:turn'; `endpoint` is '' without an
-- idempotency key; `counted` is the set of its key's unfinished jobs and `most` how many those may be, or both '';
-- `message` is '' for one that is sent later. A web process that follows the job from now on has a reader, which is
-- woken and keeps its nudges for `reader_ttl` seconds; that is '' where nobody follows.
-- KEYS: record, index, idempotency, queued, waiting, lanes, deadlines, wake, messages, following, reader, everybody
-- KEYS: blobs...
-- ARGV: id, created, deadline, room, endpoint, digest, turn, detached, stream, owner, job_prefix, spec, place, counted
-- ARGV: most, message, reader_ttl
-- USES: nudge
local function living(key)
  local status, expires = unpack(redis.call('HMGET', key, 'status', 'expires'))
  return status and (not expires or tonumber(expires) > tonumber(created))
end
if living(record) then return {id, 'new'} end -- it was recorded before, by this very call
if endpoint ~= '' then
  local other, made = string.match(redis.call('HGET', idempotency, endpoint) or '', '^(%S+) (%S*)$')
  if other and living(job_prefix .. other) then
    if made ~= digest then return {other, 'mismatch'} end
    if detached == '1' then redis.call('HSET', job_prefix .. other, 'detached', 1) end
    return {other, 'joined'}
  end
end
if redis.call('ZCARD', queued) >= tonumber(room) then return {'', 'full'} end
if counted ~= '' then
  if redis.call('SCARD', counted) >= tonumber(most) then return {'', 'enough'} end
  redis.call('SADD', counted, id)
  redis.call('HSET', record, 'counted', counted)
end
redis.call('HSET', record, 'spec', spec, 'status', 'queued', 'worker', '', 'attempt', 0, 'losses', 0,
  'detached', detached, 'stream', stream, 'owner', owner)
redis.call('ZADD', index, created, id)
redis.call('ZADD', everybody, created, id)
redis.call('ZADD', queued, place, id)
redis.call('ZADD', waiting, turn == '' and created or place, id)
redis.call('ZADD', deadlines, deadline, id)
if message ~= '' then redis.call('LPUSH', messages, message) end
if reader_ttl ~= '' then
  redis.call('HSET', record, 'followers', 1)
  redis.call('HSET', following, id, 1)
  redis.call('XADD', reader, 'MAXLEN', 1, '*', 'n', 1)
  redis.call('EXPIRE', reader, reader_ttl)
end
if endpoint ~= '' then redis.call('HSET', idempotency, endpoint, id .. ' ' .. digest) end
if turn ~= '' then redis.call('ZADD', lanes, 'NX', created, turn) end
-- The leader sees to all that is unfinished, and sleeps while nothing is.
if turn ~= '' or redis.call('ZCARD', deadlines) == 1 then nudge(wake) end
for at = blobs, #KEYS do redis.call('HINCRBY', KEYS[at], owner, 1) end
return {id, 'new'}
