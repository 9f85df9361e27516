#!lua flags=allow-oom
-- A batch goes from one of some statuses to another. Returns the status it has then, or nothing when there is none.
-- KEYS: batch, runner, stir.  ARGV: runner's id or '' (anyone), to, time field, number of froms, froms ..., field, value ...
local status = redis.call('HGET', KEYS[1], 'status')
if ARGV[1] ~= '' and redis.call('GET', KEYS[2]) ~= ARGV[1] then return status end
for index = 5, 4 + tonumber(ARGV[4]) do
  if status == ARGV[index] then
    local time = redis.call('TIME')
    redis.call('HSET', KEYS[1], 'status', ARGV[2], ARGV[3], time[1] * 1000 + math.floor(time[2] / 1000))
    for field = 5 + tonumber(ARGV[4]), #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[field], ARGV[field + 1]) end
    if redis.call('LLEN', KEYS[3]) == 0 then redis.call('LPUSH', KEYS[3], 1) end
    return ARGV[2]
  end
end
return status
