#!lua flags=allow-oom
-- The one way for a batch to end: status, files, the release of its input and what webhooks are owed, as one.
-- Returns 1, also when this caller ended it before, or 0 when another did or the caller no longer runs batches.
-- KEYS: batch, runner, inflight, running, outdated, files index, input blob, owed, (file, blob) a file
-- ARGV: id, runner's id, owner, status, keep (s), problems or '', hooks, hook prefix, (field, id, record, expires or '') a file,
--       (delivery id, delivery) ...
if redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end
if redis.call('ZREM', KEYS[4], ARGV[1]) == 0 then
  return redis.call('HGET', KEYS[1], 'settled') == ARGV[2] .. ARGV[4] and 1 or 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local expires = now + ARGV[5] * 1000
redis.call('HSET', KEYS[1], 'status', ARGV[4], ARGV[4] .. '_at', now, 'expires', expires, 'settled', ARGV[2] .. ARGV[4])
if ARGV[6] ~= '' then redis.call('HSET', KEYS[1], 'problems', ARGV[6]) end
redis.call('ZADD', KEYS[5], expires, ARGV[1])
redis.call('DEL', KEYS[3])
if redis.call('HINCRBY', KEYS[7], ARGV[3], -1) <= 0 then redis.call('HDEL', KEYS[7], ARGV[3]) end
local at = 9
for index = 9, #KEYS, 2 do
  redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1])
  redis.call('SET', KEYS[index], ARGV[at + 2])
  redis.call('ZADD', KEYS[6], 0, ARGV[at + 1])
  redis.call('HINCRBY', KEYS[index + 1], ARGV[3], 1)
  if ARGV[at + 3] ~= '' then redis.call('ZADD', KEYS[5], ARGV[at + 3], ARGV[at + 1]) end
  at = at + 4
end
local owed = {}
for index = at, #ARGV, 2 do
  owed[#owed + 1] = ARGV[index]
  redis.call('HSET', ARGV[8] .. ARGV[index], 'spec', ARGV[index + 1], 'state', 'pending', 'created', now, 'attempts', 0)
  redis.call('ZADD', ARGV[7], now, ARGV[index])
end
if #owed > 0 then
  redis.call('HSET', KEYS[1], 'hooks', table.concat(owed, ' '))
  if redis.call('LLEN', KEYS[8]) == 0 then redis.call('LPUSH', KEYS[8], 1) end
end
return 1
