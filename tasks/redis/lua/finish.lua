#!lua flags=allow-oom
-- The one way for a job to end: status, result, indexes and terminal event, or nothing when it has already ended
-- or belongs to a later attempt. Returns 1 or 0, and the same again to the same token.
-- KEYS: record, events, queued, waiting, unclaimed, window, claims, deadlines, expiry, done, cancels, wake, landed, stir, owed, lanes, the result's blobs ...
-- ARGV: id, worker or '' (anyone), attempt, status, keep (s), event, result, failure, usage, owner, stream ttl (s), is a batch's line, outputs,
--       hooks, hook prefix, token, (delivery id, delivery) ...
local status, worker, attempt = unpack(redis.call('HMGET', KEYS[1], 'status', 'worker', 'attempt'))
if status ~= 'queued' and status ~= 'running' then
  return status and redis.call('HGET', KEYS[1], 'ended') == ARGV[16] and 1 or 0
end
if ARGV[2] ~= '' and (worker ~= ARGV[2] or attempt ~= ARGV[3]) then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local expires = now + ARGV[5] * 1000
redis.call('HSET', KEYS[1], 'status', ARGV[4], 'finished', now, 'expires', expires, 'terminal', ARGV[6], 'worker', '', 'ended', ARGV[16])
if ARGV[7] ~= '' then redis.call('HSET', KEYS[1], 'result', ARGV[7]) end
if ARGV[8] ~= '' then redis.call('HSET', KEYS[1], 'failure', ARGV[8]) end
if ARGV[9] ~= '' then redis.call('HSET', KEYS[1], 'usage', ARGV[9], 'progress', 100) end
if ARGV[13] ~= '' then redis.call('HSET', KEYS[1], 'outputs', ARGV[13]) end
for index = 17, #KEYS do redis.call('HINCRBY', KEYS[index], ARGV[10], 1) end
local id = redis.call('XADD', KEYS[2], attempt .. '-*', 'e', ARGV[6])
redis.call('HSET', KEYS[1], 'last', id)
redis.call('EXPIRE', KEYS[2], ARGV[11])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('ZREM', KEYS[5], ARGV[1])
redis.call('SREM', KEYS[6], ARGV[1])
redis.call('HDEL', KEYS[7], ARGV[1])
redis.call('ZREM', KEYS[8], ARGV[1])
redis.call('ZADD', KEYS[9], expires, ARGV[1])
local owed = {}
for index = 17, #ARGV, 2 do
  owed[#owed + 1] = ARGV[index]
  redis.call('HSET', ARGV[15] .. ARGV[index], 'spec', ARGV[index + 1], 'state', 'pending', 'created', now, 'attempts', 0)
  redis.call('ZADD', ARGV[14], now, ARGV[index])
end
if #owed > 0 then
  redis.call('HSET', KEYS[1], 'hooks', table.concat(owed, ' '))
  if redis.call('LLEN', KEYS[15]) == 0 then redis.call('LPUSH', KEYS[15], 1) end
end
local counted = redis.call('HGET', KEYS[1], 'counted')
if counted then redis.call('SREM', counted, ARGV[1]) end
local minute = math.floor(time[1] / 60)
if redis.call('HINCRBY', KEYS[10], minute, 1) == 1 then
  for _, past in ipairs(redis.call('HKEYS', KEYS[10])) do
    if tonumber(past) < minute - 1 then redis.call('HDEL', KEYS[10], past) end
  end
end
redis.call('EXPIRE', KEYS[10], 120)
if ARGV[2] == '' and worker ~= '' then
  redis.call('XADD', KEYS[11], 'MAXLEN', '~', 1000, '*', 'id', ARGV[1])
end
-- Its place in the window is somebody else's now, if anybody waits for one.
if redis.call('EXISTS', KEYS[16]) == 1 and redis.call('LLEN', KEYS[12]) == 0 then redis.call('LPUSH', KEYS[12], 1) end
if ARGV[12] == '1' then
  redis.call('SADD', KEYS[13], ARGV[1])
  if redis.call('LLEN', KEYS[14]) == 0 then redis.call('LPUSH', KEYS[14], 1) end
end
return 1
