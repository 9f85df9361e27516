#!lua flags=allow-oom
-- A job's claim ends without an end of the job: the worker died (lost = 1) or hands its work back (lost = 0).
-- Returns 'requeued', or 'shown' / 'poison' when it must not run again, or 'refused' when the claim was another's.
-- KEYS: record, queued, unclaimed, claims.  ARGV: id, worker, lost, attempts allowed, now, place
local status, worker, losses, shown = unpack(redis.call('HMGET', KEYS[1], 'status', 'worker', 'losses', 'shown'))
if worker ~= ARGV[2] or (status ~= 'queued' and status ~= 'running') then
  if redis.call('HGET', KEYS[4], ARGV[1]) == ARGV[2] then redis.call('HDEL', KEYS[4], ARGV[1]) end
  return 'refused'
end
if status == 'running' and shown then return 'shown' end
if status == 'running' and ARGV[3] == '1' then
  losses = redis.call('HINCRBY', KEYS[1], 'losses', 1)
  if losses >= tonumber(ARGV[4]) then return 'poison' end
end
redis.call('HSET', KEYS[1], 'status', 'queued', 'worker', '', 'progress', 0)
redis.call('HDEL', KEYS[1], 'started')
redis.call('HDEL', KEYS[4], ARGV[1])
redis.call('ZADD', KEYS[2], ARGV[6], ARGV[1])
redis.call('ZADD', KEYS[3], ARGV[5], ARGV[1])
return 'requeued'
