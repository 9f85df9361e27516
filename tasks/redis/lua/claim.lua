#!lua flags=allow-oom
-- A worker takes a queued job that nobody holds: the attempt grows by one. Returns {attempt, losses, spec, losses by
-- memory} or nothing, and the same again to the same token.
-- KEYS: record, unclaimed, claims
-- ARGV: id, worker, token
local status, holder, claim = unpack(redis.call('HMGET', record, 'status', 'worker', 'claim'))
redis.call('ZREM', unclaimed, id)
if status ~= 'queued' then return false end
if holder == '' then
  redis.call('HSET', record, 'worker', worker, 'claim', token)
  redis.call('HSET', claims, id, worker)
  redis.call('HINCRBY', record, 'attempt', 1)
elseif holder ~= worker or claim ~= token then
  return false
end
local attempt, losses, spec, by_memory =
  unpack(redis.call('HMGET', record, 'attempt', 'losses', 'spec', 'by_memory'))
return {tonumber(attempt), tonumber(losses), spec, tonumber(by_memory or 0)}
