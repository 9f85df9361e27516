#!lua flags=allow-oom
-- A claimed job starts to run: its Started event opens the attempt. Returns 1, also
-- when this claim has ended the job since, or 0 when it is no longer ours.
-- KEYS: record, events, queued.  ARGV: id, worker, attempt, event
local status, worker, attempt = unpack(redis.call('HMGET', KEYS[1], 'status', 'worker', 'attempt'))
if worker ~= ARGV[2] or attempt ~= ARGV[3] then
  return redis.call('HGET', KEYS[1], 'ended') == ARGV[2] .. ':' .. ARGV[3] and 1 or 0
end
if status == 'running' then return 1 end
if status ~= 'queued' then return 0 end
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'status', 'running', 'started', time[1] * 1000 + math.floor(time[2] / 1000), 'progress', 0)
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('XADD', KEYS[2], ARGV[3] .. '-1', 'e', ARGV[4])
return 1
