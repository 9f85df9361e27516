#!lua flags=allow-oom
-- The next waiting jobs of one lane and turn get their places in the window. Returns their ids, in one string, or
-- nothing; and the same again to the same token. `turn` is 'lane:turn', `size` the window's, and `most` are taken.
-- KEYS: waiting, lanes, window, unclaimed, leader, reply
-- ARGV: turn, size, now, id, token, most
local answered, known = string.match(redis.call('GET', reply) or '', '^(%S+) (.+)$')
if answered == token then return known end
if redis.call('GET', leader) ~= id then return false end
local room = math.min(tonumber(size) - redis.call('SCARD', window), tonumber(most))
if room <= 0 then return false end
local taken = redis.call('ZPOPMIN', waiting, room)
if #taken == 0 then
  redis.call('ZREM', lanes, turn)
  return false
end
-- Behind every other turn, also of those that were taken in the same millisecond.
local last = redis.call('ZRANGE', lanes, -1, -1, 'WITHSCORES')
redis.call('ZADD', lanes, math.max(tonumber(now), tonumber(last[2] or 0) + 1), turn)
local ids = {}
for at = 1, #taken, 2 do
  ids[#ids + 1] = taken[at]
  redis.call('SADD', window, taken[at])
  redis.call('ZADD', unclaimed, now, taken[at])
end
local found = table.concat(ids, ' ')
redis.call('SET', reply, token .. ' ' .. found, 'EX', 60)
return found
