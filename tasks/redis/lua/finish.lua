#!lua flags=allow-oom
-- The one way for a job to end: status, result, indexes and terminal event, or nothing when it has already ended
-- or belongs to a later attempt. Returns 1 or 0, and the same again to the same token.
-- `worker` is '' for anyone; result, failure, usage and outputs may be ''. The blobs are the result's, `is_line` says
-- whether the job is a batch's, times are in seconds, deliveries are (id, what is sent) each. `past` is what is kept of
-- the job in the place of what it was, or ''.
-- `stored` is the record of the completion that stays when the job goes, or '', which may stand there already when a
-- line of a batch ran again; it holds the blobs `input` and `output`, and of its owner the newest `most` stay.
-- `turn` is what its conversation keeps until it has become items, or ''; it holds the blobs that it names.
-- KEYS: record, events, queued, waiting, unclaimed, window, claims, deadlines, expiry, done, cancels, wake, landed
-- KEYS: stir, owed, lanes, completion, completions, outdated, input, output, conversation, turns
-- KEYS: blobs...
-- ARGV: id, worker, attempt, outcome, keep, event, result, failure, usage, owner, stream_ttl, is_line, outputs, hooks
-- ARGV: hook_prefix, token, past, blob_prefix, stored, stored_id, metadata, stored_keep, completion_prefix, most
-- ARGV: turn, deliveries...
-- USES: clock, nudge, record_webhooks, release_blob, bound
local status, holder, current = unpack(redis.call('HMGET', record, 'status', 'worker', 'attempt'))
if status ~= 'queued' and status ~= 'running' then
  return status and redis.call('HGET', record, 'ended') == token and 1 or 0
end
if worker ~= '' and (holder ~= worker or current ~= attempt) then return 0 end
local now = clock()
local expires = now + keep * 1000
redis.call('HSET', record, 'status', outcome, 'finished', now, 'expires', expires, 'terminal', event,
  'worker', '', 'ended', token)
if result ~= '' then redis.call('HSET', record, 'result', result) end
if failure ~= '' then redis.call('HSET', record, 'failure', failure) end
if usage ~= '' then redis.call('HSET', record, 'usage', usage, 'progress', 100) end
if outputs ~= '' then redis.call('HSET', record, 'outputs', outputs) end
if past ~= '' then
  -- A request that was kept in a blob is not needed any more.
  local kept = string.match(redis.call('HGET', record, 'spec'), '^@.*"sha256":"(%x+)"')
  if kept then release_blob(blob_prefix .. kept, owner) end
  redis.call('HSET', record, 'spec', past)
end
for at = blobs, #KEYS do redis.call('HINCRBY', KEYS[at], owner, 1) end
if stored ~= '' and redis.call('EXISTS', completion) == 0 then
  local over = now + stored_keep * 1000
  redis.call('HSET', completion, 'spec', stored, 'metadata', metadata, 'expires', over)
  redis.call('ZADD', completions, 0, stored_id)
  redis.call('ZADD', outdated, over, stored_id)
  redis.call('HINCRBY', input, owner, 1)
  redis.call('HINCRBY', output, owner, 1)
  bound(completions, most, completion_prefix, outdated, now)
end
if turn ~= '' and redis.call('EXISTS', conversation) == 1 then
  redis.call('RPUSH', turns, turn)
  for sha256 in string.gmatch(turn, '"sha256":"(%x+)"') do
    redis.call('HINCRBY', blob_prefix .. sha256, owner, 1)
  end
  local stays = string.match(redis.call('HGET', conversation, 'spec'), '"keep":(%d+)')
  redis.call('HSET', conversation, 'expires', now + stays * 1000)
end
redis.call('HSET', record, 'last', redis.call('XADD', events, current .. '-*', 'e', event))
redis.call('EXPIRE', events, stream_ttl)
redis.call('ZREM', queued, id)
redis.call('ZREM', waiting, id)
redis.call('ZREM', unclaimed, id)
redis.call('SREM', window, id)
redis.call('HDEL', claims, id)
redis.call('ZREM', deadlines, id)
redis.call('ZADD', expiry, expires, id)
record_webhooks(record, hooks, hook_prefix, owed, now, deliveries)
local counted = redis.call('HGET', record, 'counted')
if counted then redis.call('SREM', counted, id) end
local minute = math.floor(now / 60000)
if redis.call('HINCRBY', done, minute, 1) == 1 then
  for _, past in ipairs(redis.call('HKEYS', done)) do
    if tonumber(past) < minute - 1 then redis.call('HDEL', done, past) end
  end
end
redis.call('EXPIRE', done, 120)
if worker == '' and holder ~= '' then redis.call('XADD', cancels, 'MAXLEN', '~', 1000, '*', 'id', id) end
-- Its place in the window is somebody else's now, if anybody waits for one.
if redis.call('EXISTS', lanes) == 1 then nudge(wake) end
if is_line == '1' then
  redis.call('SADD', landed, id)
  nudge(stir)
end
return 1
