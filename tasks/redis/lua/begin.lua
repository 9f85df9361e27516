#!lua flags=allow-oom
-- A claimed job starts to run: its Started event opens the attempt. Returns 1, also
-- when this claim has ended the job since, or 0 when it is no longer ours.
-- KEYS: record, events, queued
-- ARGV: id, worker, attempt, event
-- USES: clock
local status, holder, current = unpack(redis.call('HMGET', record, 'status', 'worker', 'attempt'))
if holder ~= worker or current ~= attempt then
  return redis.call('HGET', record, 'ended') == worker .. ':' .. attempt and 1 or 0
end
if status == 'running' then return 1 end
if status ~= 'queued' then return 0 end
redis.call('HSET', record, 'status', 'running', 'started', clock(), 'progress', 0)
redis.call('ZREM', queued, id)
redis.call('XADD', events, attempt .. '-1', 'e', event)
return 1
