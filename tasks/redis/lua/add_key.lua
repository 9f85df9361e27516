-- A new API key and its place in the list of them. Returns 1.
-- KEYS: key, keys.  ARGV: id, record, created, expires or ''
redis.call('HSET', KEYS[1], 'spec', ARGV[2])
if ARGV[4] ~= '' then redis.call('HSET', KEYS[1], 'expires', ARGV[4]) end
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
return 1
