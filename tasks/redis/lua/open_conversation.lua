-- A new conversation's record, its place among its owner's, of which `most` stay, and the end of its time in seconds.
-- KEYS: conversation, index, outdated
-- ARGV: id, spec, metadata, keep, prefix, most
-- USES: clock, bound
if redis.call('EXISTS', conversation) == 1 then return end
local now = clock()
local expires = now + keep * 1000
redis.call('HSET', conversation, 'spec', spec, 'metadata', metadata, 'expires', expires)
redis.call('ZADD', index, now, id)
redis.call('ZADD', outdated, expires, id)
bound(index, most, prefix, outdated, now)
