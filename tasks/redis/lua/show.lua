#!lua flags=allow-oom
-- Somebody shows that these are there, for as long as their lease; and what the first says of itself, if it says anything.
-- KEYS: leases, what was said or none.  ARGV: lease (ms), what it says or '', id ...
local time = redis.call('TIME')
local until_ = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
for index = 3, #ARGV do redis.call('ZADD', KEYS[1], until_, ARGV[index]) end
if KEYS[2] then redis.call('HSET', KEYS[2], ARGV[3], ARGV[2]) end
