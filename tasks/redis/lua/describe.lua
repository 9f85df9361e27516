-- Other words of its owner about a record that is there.
-- KEYS: record
-- ARGV: metadata
if redis.call('EXISTS', record) == 1 then redis.call('HSET', record, 'metadata', metadata) end
