#!lua flags=allow-oom
-- How many followers a job has in one web process, from now on.
-- Returns how many follow it in all, or -1 when that does not matter: it has ended, or runs on without followers.
-- KEYS: record, following
-- ARGV: id, followers
local before = tonumber(redis.call('HGET', following, id) or 0)
if followers == '0' then redis.call('HDEL', following, id) else redis.call('HSET', following, id, followers) end
local status, detached = unpack(redis.call('HMGET', record, 'status', 'detached'))
if not status then return -1 end
local all = redis.call('HINCRBY', record, 'followers', followers - before)
if detached == '1' or (status ~= 'queued' and status ~= 'running') then return -1 end
return all
