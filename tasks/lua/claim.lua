#!lua flags=allow-oom
-- A worker takes a queued job that nobody holds: the attempt grows by one. Returns {attempt, losses, spec} or nothing.
-- KEYS: record, unclaimed, claims.  ARGV: id, worker
local status, worker = unpack(redis.call('HMGET', KEYS[1], 'status', 'worker'))
redis.call('ZREM', KEYS[2], ARGV[1])
if status ~= 'queued' or worker ~= '' then return false end
redis.call('HSET', KEYS[1], 'worker', ARGV[2])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
local losses, spec = unpack(redis.call('HMGET', KEYS[1], 'losses', 'spec'))
return {redis.call('HINCRBY', KEYS[1], 'attempt', 1), tonumber(losses), spec}
