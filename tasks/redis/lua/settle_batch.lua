#!lua flags=allow-oom
-- The one way for a batch to end: status, files, the release of its input and its webhook deliveries, as one.
-- Returns 1, also when this caller ended it before, or 0 when another did or the caller no longer runs batches.
-- Keys are (file, blob) a file, and arguments (field, id, record, expires or '') a file, then (id, what is sent) a
-- delivery; `keep` is in seconds, `problems` may be ''.
-- KEYS: batch, runner, inflight, running, outdated, index, input, owed, files...
-- ARGV: id, by, owner, status, keep, problems, hooks, hook_prefix, more...
-- USES: clock, release_blob, record_webhooks
if redis.call('GET', runner) ~= by then return 0 end
if redis.call('ZREM', running, id) == 0 then
  return redis.call('HGET', batch, 'settled') == by .. status and 1 or 0
end
local now = clock()
local expires = now + keep * 1000
redis.call('HSET', batch, 'status', status, status .. '_at', now, 'expires', expires, 'settled', by .. status)
if problems ~= '' then redis.call('HSET', batch, 'problems', problems) end
redis.call('ZADD', outdated, expires, id)
redis.call('DEL', inflight)
release_blob(input, owner)
local at = more
for key = files, #KEYS, 2 do
  local field, file, record, until_ = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  redis.call('HSET', batch, field, file)
  redis.call('SET', KEYS[key], record)
  redis.call('ZADD', index, 0, file)
  redis.call('HINCRBY', KEYS[key + 1], owner, 1)
  if until_ ~= '' then redis.call('ZADD', outdated, until_, file) end
  at = at + 4
end
record_webhooks(batch, hooks, hook_prefix, owed, now, at)
return 1
