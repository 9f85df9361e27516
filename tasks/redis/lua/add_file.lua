-- A new file's record, its place in its owner's list, its hold on its bytes and the end of its time, unless that is ''.
-- Returns 1, or 0 when another file has this id.
-- KEYS: file, index, blob, outdated
-- ARGV: id, owner, record, expires
local known = redis.call('GET', file)
if known then return known == record and 1 or 0 end
redis.call('SET', file, record)
redis.call('ZADD', index, 0, id)
redis.call('HINCRBY', blob, owner, 1)
if expires ~= '' then redis.call('ZADD', outdated, expires, id) end
return 1
