#!lua flags=allow-oom
-- What came of a delivery's attempt. The delay until the next one is in milliseconds, how long it is kept in seconds.
-- Returns 1, also when it was written before, or 0 when the delivery has ended or another attempt was written.
-- KEYS: hook, hooks, owed
-- ARGV: id, before, state, delay, attempt, keep
-- USES: clock, nudge
local current, attempts = unpack(redis.call('HMGET', hook, 'state', 'attempts'))
if attempts == tostring(before + 1) and redis.call('HGET', hook, 'attempt:' .. attempts) == attempt then return 1 end
if current ~= 'pending' or attempts ~= before then return 0 end
redis.call('HSET', hook, 'state', state, 'attempt:' .. redis.call('HINCRBY', hook, 'attempts', 1), attempt)
if state == 'pending' then
  redis.call('ZADD', hooks, clock() + delay, id)
  nudge(owed)
else
  redis.call('ZREM', hooks, id)
  redis.call('EXPIRE', hook, keep)
end
return 1
