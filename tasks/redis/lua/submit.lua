-- Record, owner index, idempotency key, lane, message and blob counts of a new job, or the job that it joins.
-- KEYS: record, index, idempotency, queued, waiting or unclaimed, lanes, deadlines, wake, messages, following, reader, everybody's index, blobs ...
-- ARGV: id, created, deadline, room, endpoint or '', digest, lane:turn or '' (interactive), detached, stream, owner, job prefix, spec,
--       place in its lane, set of its key's unfinished jobs or '', how many those may be, message or '',
--       followed by the web process that submits it (its reader is woken, and keeps its nudges so many seconds) or ''
local id, created, endpoint = ARGV[1], ARGV[2], ARGV[5]
local function living(key)
  local status, expires = unpack(redis.call('HMGET', key, 'status', 'expires'))
  return status and (not expires or tonumber(expires) > tonumber(created))
end
if living(KEYS[1]) then return {id, 'new'} end -- it was recorded before, by this very call
if endpoint ~= '' then
  local found = redis.call('HGET', KEYS[3], endpoint)
  if found then
    local other, digest = string.match(found, '^(%S+) (%S*)$')
    if living(ARGV[11] .. other) then
      if digest ~= ARGV[6] then return {other, 'mismatch'} end
      if ARGV[8] == '1' then redis.call('HSET', ARGV[11] .. other, 'detached', 1) end
      return {other, 'joined'}
    end
  end
end
if redis.call('ZCARD', KEYS[4]) >= tonumber(ARGV[4]) then return {'', 'full'} end
if ARGV[14] ~= '' then
  if redis.call('SCARD', ARGV[14]) >= tonumber(ARGV[15]) then return {'', 'enough'} end
  redis.call('SADD', ARGV[14], id)
  redis.call('HSET', KEYS[1], 'counted', ARGV[14])
end
redis.call('HSET', KEYS[1], 'spec', ARGV[12], 'status', 'queued', 'worker', '', 'attempt', 0, 'losses', 0,
  'detached', ARGV[8], 'stream', ARGV[9], 'owner', ARGV[10])
redis.call('ZADD', KEYS[2], created, id)
redis.call('ZADD', KEYS[12], created, id)
redis.call('ZADD', KEYS[4], ARGV[13], id)
redis.call('ZADD', KEYS[5], ARGV[7] == '' and created or ARGV[13], id)
redis.call('ZADD', KEYS[7], ARGV[3], id)
if ARGV[16] ~= '' then redis.call('LPUSH', KEYS[9], ARGV[16]) end
if ARGV[17] ~= '' then
  redis.call('HSET', KEYS[1], 'followers', 1)
  redis.call('HSET', KEYS[10], id, 1)
  redis.call('XADD', KEYS[11], 'MAXLEN', 1, '*', 'n', 1)
  redis.call('EXPIRE', KEYS[11], ARGV[17])
end
if endpoint ~= '' then redis.call('HSET', KEYS[3], endpoint, id .. ' ' .. ARGV[6]) end
if ARGV[7] ~= '' then
  redis.call('ZADD', KEYS[6], 'NX', created, ARGV[7])
end
-- Whoever leads sees to all that is unfinished, and sleeps while nothing is.
if (ARGV[7] ~= '' or redis.call('ZCARD', KEYS[7]) == 1) and redis.call('LLEN', KEYS[8]) == 0 then
  redis.call('LPUSH', KEYS[8], 1)
end
for index = 13, #KEYS do redis.call('HINCRBY', KEYS[index], ARGV[10], 1) end
return {id, 'new'}
