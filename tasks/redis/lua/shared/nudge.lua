-- Wake the process that blocks on a list; one nudge is enough.
local function nudge(list)
  if redis.call('LLEN', list) == 0 then redis.call('LPUSH', list, 1) end
end
