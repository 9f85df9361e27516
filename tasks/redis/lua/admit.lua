#!lua flags=allow-oom
-- A request of a key with limits begins, or is refused and leaves no trace. One that was let in before (the reply to an
-- earlier try was lost) is let in again and counts once.
-- Returns {'in' or 'busy' or 'often', requests in the last minute, ms until one more may come, ms until none of them counts}.
-- KEYS: under way, minute.  ARGV: the request's token, lease (ms), requests at the same time or '', requests a minute or ''
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local most, minute = tonumber(ARGV[3]), 60000
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - minute)
local verdict, began = 'in', redis.call('ZSCORE', KEYS[2], ARGV[1])
if not began and not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  if most and redis.call('ZCARD', KEYS[1]) >= most then
    verdict = 'busy'
  elseif ARGV[4] ~= '' and redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[4]) then
    verdict = 'often'
  else
    if most then
      redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
      redis.call('PEXPIRE', KEYS[1], ARGV[2])
    end
    if ARGV[4] ~= '' then
      redis.call('ZADD', KEYS[2], now, ARGV[1])
      redis.call('PEXPIRE', KEYS[2], minute)
    end
  end
end
local first, last = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES'), redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')
local at = tonumber(began or now)
local frees, clears = tonumber(first[2] or at - minute) + minute - at, tonumber(last[2] or at - minute) + minute - at
return {verdict, redis.call('ZCARD', KEYS[2]), frees, clears}
