#!lua flags=allow-oom
-- A web process shows that requests of a key are still under way. Returns 1.
-- KEYS: under way.  ARGV: lease (ms), token ...
local time = redis.call('TIME')
local until_ = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
for index = 2, #ARGV do redis.call('ZADD', KEYS[1], until_, ARGV[index]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
