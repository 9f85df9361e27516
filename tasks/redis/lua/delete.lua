#!lua flags=allow-oom
-- A finished job and everything that goes with it. Returns 1, or 0 when it has not ended.
-- KEYS: record, events, index, idempotency, expiry, everybody's index, blobs ...   ARGV: id, endpoint or '', owner, hook prefix
local status = redis.call('HGET', KEYS[1], 'status')
if status == 'queued' or status == 'running' then return 0 end
if status then
  for index = 7, #KEYS do
    if redis.call('HINCRBY', KEYS[index], ARGV[3], -1) <= 0 then redis.call('HDEL', KEYS[index], ARGV[3]) end
  end
end
for owed in string.gmatch(redis.call('HGET', KEYS[1], 'hooks') or '', '%S+') do
  if redis.call('HGET', ARGV[4] .. owed, 'state') ~= 'pending' then redis.call('DEL', ARGV[4] .. owed) end
end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('ZREM', KEYS[6], ARGV[1])
redis.call('ZREM', KEYS[5], ARGV[1])
if ARGV[2] ~= '' then
  local found = redis.call('HGET', KEYS[4], ARGV[2])
  if found and string.sub(found, 1, #ARGV[1]) == ARGV[1] then redis.call('HDEL', KEYS[4], ARGV[2]) end
end
return 1
