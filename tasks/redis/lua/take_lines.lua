-- The runner takes a batch's next lines into flight, (number, place) each. Returns 1, or 0 when it no longer runs
-- batches or this one.
-- KEYS: batch, runner, inflight
-- ARGV: id, offset_before, line, offset_after, lines...
local status, offset = unpack(redis.call('HMGET', batch, 'status', 'offset'))
if redis.call('GET', runner) ~= id or status ~= 'in_progress' then return 0 end
if (offset or '0') == offset_after then return 1 end
if (offset or '0') ~= offset_before then return 0 end
redis.call('HSET', batch, 'line', line, 'offset', offset_after)
for at = lines, #ARGV, 2 do redis.call('HSET', inflight, ARGV[at], ARGV[at + 1]) end
return 1
