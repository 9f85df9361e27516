#!lua flags=allow-oom
-- Deliveries that are due, nobody else's until their lease is over. Returns their ids.
-- KEYS: hooks.  ARGV: lease (ms), how many
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[2])
for _, id in ipairs(due) do redis.call('ZADD', KEYS[1], now + ARGV[1], id) end
return due
