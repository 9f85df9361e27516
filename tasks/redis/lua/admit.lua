#!lua flags=allow-oom
-- A request of a key with limits begins, or is refused and leaves no trace. One that was let in before (the reply to an
-- earlier try was lost) is let in again and counts once. The lease is in milliseconds, a limit that is '' is none.
-- Returns {'in' or 'busy' or 'often', requests in the last minute, ms until one more may come, ms until none of
-- them counts}.
-- KEYS: under_way, recent
-- ARGV: token, lease, at_once, a_minute
-- USES: clock
local now, minute = clock(), 60000
redis.call('ZREMRANGEBYSCORE', under_way, '-inf', now)
redis.call('ZREMRANGEBYSCORE', recent, '-inf', now - minute)
local verdict, began = 'in', redis.call('ZSCORE', recent, token)
if not began and not redis.call('ZSCORE', under_way, token) then
  if at_once ~= '' and redis.call('ZCARD', under_way) >= tonumber(at_once) then
    verdict = 'busy'
  elseif a_minute ~= '' and redis.call('ZCARD', recent) >= tonumber(a_minute) then
    verdict = 'often'
  else
    if at_once ~= '' then
      redis.call('ZADD', under_way, now + lease, token)
      redis.call('PEXPIRE', under_way, lease)
    end
    if a_minute ~= '' then
      redis.call('ZADD', recent, now, token)
      redis.call('PEXPIRE', recent, minute)
    end
  end
end
local first, last = redis.call('ZRANGE', recent, 0, 0, 'WITHSCORES'), redis.call('ZRANGE', recent, -1, -1, 'WITHSCORES')
local at = tonumber(began or now)
local frees, clears = tonumber(first[2] or at - minute) + minute - at, tonumber(last[2] or at - minute) + minute - at
return {verdict, redis.call('ZCARD', recent), frees, clears}
