-- Items come behind those of a conversation, all of them or none, and it stays for `keep` seconds from now on; items
-- are (id, place) each. Returns 'added', also when this token has added them before, 'gone' when there is no such
-- conversation, 'full' when it would have more than `most`, or 'taken' and the id that another has already.
-- KEYS: conversation, index, items, places, blob
-- ARGV: id, owner, keep, most, token, added...
-- USES: clock
local expires, last = unpack(redis.call('HMGET', conversation, 'expires', 'last'))
local now = clock()
if not expires or tonumber(expires) <= now then return 'gone' end
if last == token then return 'added' end
local count = (#ARGV - added + 1) / 2
if redis.call('ZCARD', items) + count > tonumber(most) then return 'full' end
for at = added, #ARGV, 2 do
  if redis.call('HEXISTS', places, ARGV[at]) == 1 then return 'taken ' .. ARGV[at] end
end
local place = redis.call('HINCRBY', conversation, 'next', count) - count
for at = added, #ARGV, 2 do
  redis.call('ZADD', items, place, ARGV[at])
  redis.call('HSET', places, ARGV[at], ARGV[at + 1])
  place = place + 1
end
redis.call('HINCRBY', blob, owner, count)
redis.call('HSET', conversation, 'last', token, 'expires', now + keep * 1000)
redis.call('ZADD', index, now, id)
return 'added'
