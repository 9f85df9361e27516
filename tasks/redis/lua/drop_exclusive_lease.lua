#!lua flags=allow-oom
-- Give up an exclusive lease, if it is one's own.
-- KEYS: lease
-- ARGV: id
if redis.call('GET', lease) == id then redis.call('DEL', lease) end
