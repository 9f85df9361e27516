#!lua flags=allow-oom
-- A batch goes from one of so many statuses to another, and gets fields (name, value) with it; where both are one its
-- time stays. `id` is the runner's, or '' for anyone. Returns the status it has then, or nothing when there is none.
-- KEYS: batch, runner, stir
-- ARGV: id, to, time_field, count, more...
-- USES: clock, nudge
local status = redis.call('HGET', batch, 'status')
if id ~= '' and redis.call('GET', runner) ~= id then return status end
local fields = more + tonumber(count)
for from = more, fields - 1 do
  if status == ARGV[from] then
    if status ~= to then redis.call('HSET', batch, 'status', to, time_field, clock()) end
    for at = fields, #ARGV, 2 do redis.call('HSET', batch, ARGV[at], ARGV[at + 1]) end
    nudge(stir)
    return to
  end
end
return status
