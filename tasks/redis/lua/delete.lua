#!lua flags=allow-oom
-- A finished job and everything that goes with it. Returns 1, or 0 when it has not ended.
-- `endpoint` is '' where no idempotency key was given.
-- KEYS: record, events, index, idempotency, expiry, everybody, blobs...
-- ARGV: id, endpoint, owner, hook_prefix
-- USES: release_blob
local status, hooks = unpack(redis.call('HMGET', record, 'status', 'hooks'))
if status == 'queued' or status == 'running' then return 0 end
if status then
  for at = blobs, #KEYS do release_blob(KEYS[at], owner) end
end
for delivery in string.gmatch(hooks or '', '%S+') do
  local hook = hook_prefix .. delivery
  if redis.call('HGET', hook, 'state') ~= 'pending' then redis.call('DEL', hook) end
end
redis.call('DEL', record, events)
redis.call('ZREM', index, id)
redis.call('ZREM', everybody, id)
redis.call('ZREM', expiry, id)
if endpoint ~= '' then
  local made = redis.call('HGET', idempotency, endpoint)
  if made and string.sub(made, 1, #id) == id then redis.call('HDEL', idempotency, endpoint) end
end
return 1
