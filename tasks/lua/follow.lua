#!lua flags=allow-oom
-- A web process follows a job (by = 1) or leaves it (by < 0).
-- Returns how many still follow it, or -1 when that does not matter: it has ended, or runs on without followers.
-- KEYS: record, following.  ARGV: id, by
local status, detached = unpack(redis.call('HMGET', KEYS[1], 'status', 'detached'))
if redis.call('HINCRBY', KEYS[2], ARGV[1], ARGV[2]) <= 0 then redis.call('HDEL', KEYS[2], ARGV[1]) end
if not status then return -1 end
local left = redis.call('HINCRBY', KEYS[1], 'followers', ARGV[2])
if detached == '1' or (status ~= 'queued' and status ~= 'running') then return -1 end
return left
