#!lua flags=allow-oom
-- A web process shows that requests of a key are still under way, for so many milliseconds. Returns 1.
-- KEYS: under_way
-- ARGV: lease, tokens...
-- USES: clock
local over = clock() + lease
for at = tokens, #ARGV do redis.call('ZADD', under_way, over, ARGV[at]) end
redis.call('PEXPIRE', under_way, lease)
return 1
