#!lua flags=allow-oom
-- A conversation and all that goes with it; where `now` is given only if its time is over then. Returns nothing, or the
-- end of its time when that is later.
-- KEYS: conversation, index, items, places, turns, outdated
-- ARGV: id, owner, now, blob_prefix
-- USES: release_blob
local expires = redis.call('HGET', conversation, 'expires')
if expires and now ~= '' and tonumber(expires) > tonumber(now) then return expires end
for _, place in ipairs(redis.call('HVALS', places)) do
  release_blob(blob_prefix .. string.match(place, '"sha256":"(%x+)"'), owner)
end
for _, turn in ipairs(redis.call('LRANGE', turns, 0, -1)) do
  for sha256 in string.gmatch(turn, '"sha256":"(%x+)"') do release_blob(blob_prefix .. sha256, owner) end
end
redis.call('ZREM', index, id)
redis.call('ZREM', outdated, id)
redis.call('DEL', conversation, items, places, turns)
