#!lua flags=allow-oom
-- Somebody calls with an API key. Returns {record, 'active' or 'revoked' or 'expired'}, or nothing when there is no such key.
-- KEYS: key.  ARGV: how coarse the time of its last use is (ms)
local spec, revoked, expires, used = unpack(redis.call('HMGET', KEYS[1], 'spec', 'revoked', 'expires', 'used'))
if not spec then return false end
if revoked then return {spec, 'revoked'} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if expires and tonumber(expires) <= now then return {spec, 'expired'} end
if not used or now - tonumber(used) >= tonumber(ARGV[1]) then redis.call('HSET', KEYS[1], 'used', now) end
return {spec, 'active'}
