-- Of an index `most` records stay; the time of those that come first in it is over.
local function bound(index, most, prefix, outdated, now)
  for _, id in ipairs(redis.call('ZRANGE', index, 0, -most - 1)) do
    redis.call('HSET', prefix .. id, 'expires', now)
    redis.call('ZADD', outdated, now, id)
  end
end
