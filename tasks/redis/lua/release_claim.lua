#!lua flags=allow-oom
-- A job's claim ends without an end of the job: the worker died (lost is 1) or hands its work back (lost is 0).
-- Returns 'requeued', or 'shown' / 'poison' when it must not run again, or 'refused' when the claim was another's; and
-- the same again to the same token. `allowed` is how many workers may be lost,
-- `heavy` how many by the memory that the job takes where this one is lost by it, else 0.
-- KEYS: record, queued, unclaimed, claims
-- ARGV: id, worker, lost, allowed, now, place, token, heavy
local status, holder, shown, released = unpack(redis.call('HMGET', record, 'status', 'worker', 'shown', 'released'))
local answered, outcome = string.match(released or '', '^(%S+) (%S+)$')
if answered == token then return outcome end
if holder ~= worker or (status ~= 'queued' and status ~= 'running') then
  if redis.call('HGET', claims, id) == worker then redis.call('HDEL', claims, id) end
  return 'refused'
end
local function answer(word)
  redis.call('HSET', record, 'released', token .. ' ' .. word)
  return word
end
if status == 'running' and shown then return answer('shown') end
if status == 'running' and lost == '1' then
  local losses, most = redis.call('HINCRBY', record, 'losses', 1), tonumber(heavy)
  local by_memory = most > 0 and redis.call('HINCRBY', record, 'by_memory', 1) or 0
  if losses >= tonumber(allowed) or (most > 0 and by_memory >= most) then return answer('poison') end
end
redis.call('HSET', record, 'status', 'queued', 'worker', '', 'progress', 0)
redis.call('HDEL', record, 'started')
redis.call('HDEL', claims, id)
redis.call('ZADD', queued, place, id)
redis.call('ZADD', unclaimed, now, id)
return answer('requeued')
