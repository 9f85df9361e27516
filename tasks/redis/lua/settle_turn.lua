-- What a call has said becomes items behind those of its conversation, once; one that is there already stays as it is.
-- Items are (id, place) each.
-- KEYS: conversation, items, places, turns, blob
-- ARGV: turn, owner, blob_prefix, added...
-- USES: release_blob
if redis.call('LINDEX', turns, 0) ~= turn then return end
redis.call('LPOP', turns)
for at = added, #ARGV, 2 do
  if redis.call('HSETNX', places, ARGV[at], ARGV[at + 1]) == 1 then
    redis.call('ZADD', items, redis.call('HINCRBY', conversation, 'next', 1) - 1, ARGV[at])
    redis.call('HINCRBY', blob, owner, 1)
  end
end
for sha256 in string.gmatch(turn, '"sha256":"(%x+)"') do release_blob(blob_prefix .. sha256, owner) end
