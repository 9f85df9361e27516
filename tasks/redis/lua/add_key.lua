-- A new API key and its place in the list of them; `expires` may be ''. Returns 1.
-- KEYS: key, keys
-- ARGV: id, record, created, expires
redis.call('HSET', key, 'spec', record)
if expires ~= '' then redis.call('HSET', key, 'expires', expires) end
redis.call('ZADD', keys, created, id)
return 1
