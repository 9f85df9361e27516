#!lua flags=allow-oom
-- Deliveries that are due, `most` of them, nobody else's until their lease (milliseconds) is over. Returns their ids,
-- and the same again to the same token.
-- KEYS: hooks, reply
-- ARGV: lease, most, token
-- USES: clock
local answered, known = string.match(redis.call('GET', reply) or '', '^(%S+) (.*)$')
if answered == token then
  local again = {}
  for id in string.gmatch(known, '%S+') do again[#again + 1] = id end
  return again
end
local now = clock()
local due = redis.call('ZRANGEBYSCORE', hooks, '-inf', now, 'LIMIT', 0, most)
for _, id in ipairs(due) do redis.call('ZADD', hooks, now + lease, id) end
if #due > 0 then redis.call('SET', reply, token .. ' ' .. table.concat(due, ' '), 'EX', 60) end
return due
