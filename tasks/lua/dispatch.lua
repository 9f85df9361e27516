#!lua flags=allow-oom
-- The next waiting job of one lane and turn gets its place in the window. Returns its id or nothing, and the same again
-- to the same token.
-- KEYS: waiting, lanes, window, unclaimed, leader, reply.  ARGV: lane:turn, window size, now, leader, token
local token, known = string.match(redis.call('GET', KEYS[6]) or '', '^(%S+) (%S+)$')
if token == ARGV[5] then return known end
if redis.call('GET', KEYS[5]) ~= ARGV[4] then return false end
if redis.call('SCARD', KEYS[3]) >= tonumber(ARGV[2]) then return false end
local next = redis.call('ZPOPMIN', KEYS[1])
if #next == 0 then
  redis.call('ZREM', KEYS[2], ARGV[1])
  return false
end
-- Behind every other turn, also of those that were taken in the same millisecond.
local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')
redis.call('ZADD', KEYS[2], math.max(tonumber(ARGV[3]), tonumber(last[2] or 0) + 1), ARGV[1])
redis.call('SADD', KEYS[3], next[1])
redis.call('ZADD', KEYS[4], ARGV[3], next[1])
redis.call('SET', KEYS[6], ARGV[5] .. ' ' .. next[1], 'EX', 60)
return next[1]
