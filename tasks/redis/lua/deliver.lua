#!lua flags=allow-oom
-- What came of a delivery's attempt. Returns 1, also when it was written before, or 0 when the delivery has ended or
-- another attempt was written.
-- KEYS: hook, hooks, owed.  ARGV: id, attempts before, state, delay until the next one (ms), attempt, keep (s)
local state, attempts = unpack(redis.call('HMGET', KEYS[1], 'state', 'attempts'))
if attempts == tostring(ARGV[2] + 1) and redis.call('HGET', KEYS[1], 'attempt:' .. attempts) == ARGV[5] then return 1 end
if state ~= 'pending' or attempts ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'state', ARGV[3], 'attempt:' .. redis.call('HINCRBY', KEYS[1], 'attempts', 1), ARGV[5])
if ARGV[3] == 'pending' then
  local time = redis.call('TIME')
  redis.call('ZADD', KEYS[2], time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[4], ARGV[1])
  if redis.call('LLEN', KEYS[3]) == 0 then redis.call('LPUSH', KEYS[3], 1) end
else
  redis.call('ZREM', KEYS[2], ARGV[1])
  redis.call('EXPIRE', KEYS[1], ARGV[6])
end
return 1
