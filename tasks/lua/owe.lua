#!lua flags=allow-oom
-- Deliveries that the end of something beside a job owes (a batch); what is owed already stays as it is.
-- KEYS: hooks.  ARGV: hook prefix, (delivery id, delivery) ...
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for index = 2, #ARGV, 2 do
  local key = ARGV[1] .. ARGV[index]
  if redis.call('HSETNX', key, 'spec', ARGV[index + 1]) == 1 then
    redis.call('HSET', key, 'state', 'pending', 'created', now, 'attempts', 0)
    redis.call('ZADD', KEYS[1], now, ARGV[index])
  end
end
return 1
