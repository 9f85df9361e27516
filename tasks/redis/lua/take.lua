#!lua flags=allow-oom
-- Deliveries that are due, nobody else's until their lease is over. Returns their ids, and the same again to the same
-- token.
-- KEYS: hooks, reply.  ARGV: lease (ms), how many, token
local token, known = string.match(redis.call('GET', KEYS[2]) or '', '^(%S+) (.*)$')
if token == ARGV[3] then
  local again = {}
  for id in string.gmatch(known, '%S+') do again[#again + 1] = id end
  return again
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[2])
for _, id in ipairs(due) do redis.call('ZADD', KEYS[1], now + ARGV[1], id) end
if #due > 0 then redis.call('SET', KEYS[2], ARGV[3] .. ' ' .. table.concat(due, ' '), 'EX', 60) end
return due
