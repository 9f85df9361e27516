#!lua flags=allow-oom
-- The next waiting jobs of one lane and turn get their places in the window. Returns their ids, in one string, or
-- nothing; and the same again to the same token.
-- KEYS: waiting, lanes, window, unclaimed, leader, reply
-- ARGV: lane:turn, window size, now, leader, token, how many at most
local token, known = string.match(redis.call('GET', KEYS[6]) or '', '^(%S+) (.+)$')
if token == ARGV[5] then return known end
if redis.call('GET', KEYS[5]) ~= ARGV[4] then return false end
local room = math.min(tonumber(ARGV[2]) - redis.call('SCARD', KEYS[3]), tonumber(ARGV[6]))
if room <= 0 then return false end
local next = redis.call('ZPOPMIN', KEYS[1], room)
if #next == 0 then
  redis.call('ZREM', KEYS[2], ARGV[1])
  return false
end
-- Behind every other turn, also of those that were taken in the same millisecond.
local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')
redis.call('ZADD', KEYS[2], math.max(tonumber(ARGV[3]), tonumber(last[2] or 0) + 1), ARGV[1])
local ids = {}
for index = 1, #next, 2 do
  ids[#ids + 1] = next[index]
  redis.call('SADD', KEYS[3], next[index])
  redis.call('ZADD', KEYS[4], ARGV[3], next[index])
end
local found = table.concat(ids, ' ')
redis.call('SET', KEYS[6], ARGV[5] .. ' ' .. found, 'EX', 60)
return found
