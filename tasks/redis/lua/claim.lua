#!lua flags=allow-oom
-- A worker takes a queued job that nobody holds: the attempt grows by one. Returns {attempt, losses, spec} or nothing,
-- and the same again to the same token.
-- KEYS: record, unclaimed, claims.  ARGV: id, worker, token
local status, worker, token = unpack(redis.call('HMGET', KEYS[1], 'status', 'worker', 'claim'))
redis.call('ZREM', KEYS[2], ARGV[1])
if status ~= 'queued' then return false end
if worker == '' then
  redis.call('HSET', KEYS[1], 'worker', ARGV[2], 'claim', ARGV[3])
  redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
  redis.call('HINCRBY', KEYS[1], 'attempt', 1)
elseif worker ~= ARGV[2] or token ~= ARGV[3] then
  return false
end
local attempt, losses, spec = unpack(redis.call('HMGET', KEYS[1], 'attempt', 'losses', 'spec'))
return {tonumber(attempt), tonumber(losses), spec}
