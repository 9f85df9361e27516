-- One record of an owner holds a blob no longer.
local function release_blob(blob, owner)
  if redis.call('HINCRBY', blob, owner, -1) <= 0 then redis.call('HDEL', blob, owner) end
end
