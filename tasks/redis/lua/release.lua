#!lua flags=allow-oom
-- A job's claim ends without an end of the job: the worker died (lost = 1) or hands its work back (lost = 0).
-- Returns 'requeued', or 'shown' / 'poison' when it must not run again, or 'refused' when the claim was another's; and
-- the same again to the same token.
-- KEYS: record, queued, unclaimed, claims.  ARGV: id, worker, lost, attempts allowed, now, place, token
local status, worker, shown, released = unpack(redis.call('HMGET', KEYS[1], 'status', 'worker', 'shown', 'released'))
local token, outcome = string.match(released or '', '^(%S+) (%S+)$')
if token == ARGV[7] then return outcome end
if worker ~= ARGV[2] or (status ~= 'queued' and status ~= 'running') then
  if redis.call('HGET', KEYS[4], ARGV[1]) == ARGV[2] then redis.call('HDEL', KEYS[4], ARGV[1]) end
  return 'refused'
end
local function answer(word)
  redis.call('HSET', KEYS[1], 'released', ARGV[7] .. ' ' .. word)
  return word
end
if status == 'running' and shown then return answer('shown') end
if status == 'running' and ARGV[3] == '1' then
  if redis.call('HINCRBY', KEYS[1], 'losses', 1) >= tonumber(ARGV[4]) then return answer('poison') end
end
redis.call('HSET', KEYS[1], 'status', 'queued', 'worker', '', 'progress', 0)
redis.call('HDEL', KEYS[1], 'started')
redis.call('HDEL', KEYS[4], ARGV[1])
redis.call('ZADD', KEYS[2], ARGV[6], ARGV[1])
redis.call('ZADD', KEYS[3], ARGV[5], ARGV[1])
return answer('requeued')
