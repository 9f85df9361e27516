#!lua flags=allow-oom
-- The leases of processes are renewed, by their ids, for `lease` milliseconds; and the description of the first is written, where
-- there is a key for it.
-- KEYS: leases, workers...
-- ARGV: lease, description, ids...
-- USES: clock
local over = clock() + lease
for at = ids, #ARGV do redis.call('ZADD', leases, over, ARGV[at]) end
if KEYS[workers] then redis.call('HSET', KEYS[workers], ARGV[ids], description) end
