#!lua flags=allow-oom
-- Somebody calls with an API key; the time of its last use is written when it is `coarse` milliseconds old.
-- Returns {record, 'active' or 'revoked' or 'expired'}, or nothing when there is no such key.
-- KEYS: key
-- ARGV: coarse
-- USES: clock
local spec, revoked, expires, used = unpack(redis.call('HMGET', key, 'spec', 'revoked', 'expires', 'used'))
if not spec then return false end
if revoked then return {spec, 'revoked'} end
local now = clock()
if expires and tonumber(expires) <= now then return {spec, 'expired'} end
if not used or now - tonumber(used) >= tonumber(coarse) then redis.call('HSET', key, 'used', now) end
return {spec, 'active'}
