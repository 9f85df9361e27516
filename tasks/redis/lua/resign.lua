#!lua flags=allow-oom
-- Give up a lease, if it is one's own.
-- KEYS: lease.  ARGV: id
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
