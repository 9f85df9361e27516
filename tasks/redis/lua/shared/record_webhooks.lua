-- The webhook deliveries of a record's end, due at once: of each, ARGV holds its id and what is sent, from `first` to
-- its end.
-- USES: nudge
local function record_webhooks(record, hooks, hook_prefix, owed, now, first)
  local ids = {}
  for at = first, #ARGV, 2 do
    ids[#ids + 1] = ARGV[at]
    redis.call('HSET', hook_prefix .. ARGV[at], 'spec', ARGV[at + 1], 'state', 'pending', 'created', now, 'attempts', 0)
    redis.call('ZADD', hooks, now, ARGV[at])
  end
  if #ids == 0 then return end
  redis.call('HSET', record, 'hooks', table.concat(ids, ' '))
  nudge(owed)
end
