#!lua flags=allow-oom
-- A web process follows a job (by = 1) or leaves it (by = -1).
-- Returns how many still follow it, or -1 when it runs on without followers.
-- KEYS: record, following.  ARGV: id, by
if redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
if redis.call('HINCRBY', KEYS[2], ARGV[1], ARGV[2]) <= 0 then redis.call('HDEL', KEYS[2], ARGV[1]) end
local left = redis.call('HINCRBY', KEYS[1], 'followers', ARGV[2])
if redis.call('HGET', KEYS[1], 'detached') == '1' then return -1 end
return left
