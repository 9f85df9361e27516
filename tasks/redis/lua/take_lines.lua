-- The runner takes a batch's next lines into flight. Returns 1, or 0 when it no longer runs batches or this one.
-- KEYS: batch, runner, inflight.  ARGV: runner's id, offset before, line and offset after, (line, place) a line
local status, offset = unpack(redis.call('HMGET', KEYS[1], 'status', 'offset'))
if redis.call('GET', KEYS[2]) ~= ARGV[1] or status ~= 'in_progress' then return 0 end
if (offset or '0') == ARGV[4] then return 1 end
if (offset or '0') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'line', ARGV[3], 'offset', ARGV[4])
for index = 5, #ARGV, 2 do redis.call('HSET', KEYS[3], ARGV[index], ARGV[index + 1]) end
return 1
