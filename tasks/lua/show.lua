#!lua flags=allow-oom
-- A process shows that it is there, for as long as its lease; and what it says of itself, if it says anything.
-- KEYS: leases, what was said or none.  ARGV: id, lease (ms), what it says
local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2], ARGV[1])
if KEYS[2] then redis.call('HSET', KEYS[2], ARGV[1], ARGV[3]) end
