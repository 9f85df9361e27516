#!lua flags=allow-oom
-- How many followers a job has in one web process, from now on.
-- Returns how many follow it in all, or -1 when that does not matter: it has ended, or runs on without followers.
-- KEYS: record, following.  ARGV: id, followers
local before = tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or 0)
if ARGV[2] == '0' then redis.call('HDEL', KEYS[2], ARGV[1]) else redis.call('HSET', KEYS[2], ARGV[1], ARGV[2]) end
local status, detached = unpack(redis.call('HMGET', KEYS[1], 'status', 'detached'))
if not status then return -1 end
local all = redis.call('HINCRBY', KEYS[1], 'followers', ARGV[2] - before)
if detached == '1' or (status ~= 'queued' and status ~= 'running') then return -1 end
return all
