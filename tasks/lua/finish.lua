#!lua flags=allow-oom
-- The one way for a job to end: status, result, indexes and terminal event, or nothing when it has already ended
-- or belongs to a later attempt. Returns 1 or 0.
-- KEYS: record, events, queued, waiting, unclaimed, window, claims, deadlines, expiry, done counter, cancels, wake, result blob or none
-- ARGV: id, worker or '' (anyone), attempt, status, now, expires, event, result, failure, usage, owner, stream ttl (s)
local status, worker, attempt = unpack(redis.call('HMGET', KEYS[1], 'status', 'worker', 'attempt'))
if status ~= 'queued' and status ~= 'running' then return 0 end
if ARGV[2] ~= '' and (worker ~= ARGV[2] or attempt ~= ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], 'status', ARGV[4], 'finished', ARGV[5], 'expires', ARGV[6], 'terminal', ARGV[7], 'worker', '')
if ARGV[8] ~= '' then redis.call('HSET', KEYS[1], 'result', ARGV[8]) end
if ARGV[9] ~= '' then redis.call('HSET', KEYS[1], 'failure', ARGV[9]) end
if ARGV[10] ~= '' then redis.call('HSET', KEYS[1], 'usage', ARGV[10], 'progress', 100) end
if KEYS[13] then redis.call('HINCRBY', KEYS[13], ARGV[11], 1) end
local id = redis.call('XADD', KEYS[2], attempt .. '-*', 'e', ARGV[7])
redis.call('HSET', KEYS[1], 'last', id)
redis.call('EXPIRE', KEYS[2], ARGV[12])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('ZREM', KEYS[5], ARGV[1])
redis.call('SREM', KEYS[6], ARGV[1])
redis.call('HDEL', KEYS[7], ARGV[1])
redis.call('ZREM', KEYS[8], ARGV[1])
redis.call('ZADD', KEYS[9], ARGV[6], ARGV[1])
redis.call('INCR', KEYS[10])
redis.call('EXPIRE', KEYS[10], 180)
if ARGV[2] == '' and worker ~= '' then
  redis.call('XADD', KEYS[11], 'MAXLEN', '~', 1000, '*', 'id', ARGV[1])
end
if redis.call('LLEN', KEYS[12]) == 0 then redis.call('LPUSH', KEYS[12], 1) end
return 1
