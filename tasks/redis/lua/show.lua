#!lua flags=allow-oom
-- Somebody shows that these are there, for so many milliseconds; and what the first says of itself, where there is a
-- key for it.
-- KEYS: leases, workers...
-- ARGV: lease, said, ids...
-- USES: clock
local over = clock() + lease
for at = ids, #ARGV do redis.call('ZADD', leases, over, ARGV[at]) end
if KEYS[workers] then redis.call('HSET', KEYS[workers], ARGV[ids], said) end
