-- A new file's record, its place in its owner's list, its hold on its bytes and the end of its time.
-- Returns 1, or 0 when another file has this id.
-- KEYS: file, index, blob, outdated.  ARGV: id, owner, record, expires or ''
local known = redis.call('GET', KEYS[1])
if known then return known == ARGV[3] and 1 or 0 end
redis.call('SET', KEYS[1], ARGV[3])
redis.call('ZADD', KEYS[2], 0, ARGV[1])
redis.call('HINCRBY', KEYS[3], ARGV[2], 1)
if ARGV[4] ~= '' then redis.call('ZADD', KEYS[4], ARGV[4], ARGV[1]) end
return 1
